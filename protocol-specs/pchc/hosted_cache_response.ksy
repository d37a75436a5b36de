meta:
  id: hosted_cache_response
  title: BranchCache Hosted Cache Protocol, response
  license: MIT
  endian: be
  ks-version: "0.11"
doc-ref: "[MS-PCHC] 2.2.2"
seq:
  - id: size
    -orig-id: Size
    type: u4
    valid: 1
  - id: response_code
    -orig-id: ResponseCode
    type: u1
    enum: response_code
    valid:
      in-enum: true
enums:
  response_code:
    0: ok
    1: interested
