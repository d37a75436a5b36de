meta:
  id: retrieval_response
  title: BranchCache Retrieval Protocol, body of an HTTP response
  license: MIT
  endian: be
  imports:
    - retrieval_message
  ks-version: "0.11"
doc-ref: "[MS-PCCRR] 2.2.2"
seq:
  - id: size
    -orig-id: Size
    type: u4
    valid:
      min: 16
      max: 393216
  - id: message
    size: size
    type: retrieval_message
