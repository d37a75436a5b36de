meta:
  id: hosted_cache_request
  title: BranchCache Hosted Cache Protocol, request
  license: MIT
  endian: be
  imports:
    - content_information
  ks-version: "0.11"
doc: |
  What a client offers. Numbers are big-endian; the Content Information inside a SEGMENT_INFO_MESSAGE keeps its own
  byte order.
doc-ref: "[MS-PCHC] 2.2.1"
seq:
  - id: minor_version
    type: u1
  - id: major_version
    type: u1
  - id: type
    -orig-id: Type
    type: u2
    enum: message_type
    valid:
      in-enum: true
  - id: padding_1
    size: 4
  - id: port
    -orig-id: Port
    type: u2
  - id: padding_2
    size: 6
  - id: body
    type:
      switch-on: type
      cases:
        message_type::initial_offer: initial_offer
        message_type::segment_info: segment_info
        message_type::batched_offer: batched_offer
types:
  initial_offer:
    doc-ref: "[MS-PCHC] 2.2.1.3"
    seq:
      - id: segment_id
        -orig-id: Hash
        size-eos: true
  segment_info:
    doc-ref: "[MS-PCHC] 2.2.1.4"
    seq:
      - id: content_tag
        -orig-id: ContentTag
        size: 16
      - id: segment_information
        -orig-id: SegmentInformation
        type: content_information
        size-eos: true
  batched_offer:
    doc-ref: "[MS-PCHC] 2.2.1.5"
    seq:
      - id: descriptors
        type: segment_descriptor
        repeat: eos
  segment_descriptor:
    seq:
      - id: block_size
        -orig-id: BlockSize
        type: u4
      - id: segment_size
        -orig-id: SegmentSize
        type: u4
      - id: size_of_content_tag
        -orig-id: SizeOfContentTag
        type: u2
        valid: 16
      - id: content_tag
        -orig-id: ContentTag
        size: 16
      - id: hash_algorithm
        -orig-id: HashAlgorithm
        type: u1
      - id: segment_id
        -orig-id: SegmentHoHoDk
        size: 32
enums:
  message_type:
    1: initial_offer
    2: segment_info
    3: batched_offer
