meta:
  id: retrieval_message
  title: BranchCache Retrieval Protocol, one message
  license: MIT
  endian: be
  ks-version: "0.11"
doc: |
  One message, as in the body of a request; the body of a response is a retrieval_response, which has a size
  in front of the same.
doc-ref: "[MS-PCCRR] 2.2"
seq:
  - id: minor_version
    -orig-id: ProtVer.MinorVersion
    type: u2
  - id: major_version
    -orig-id: ProtVer.MajorVersion
    type: u2
  - id: type
    -orig-id: MsgType
    type: u4
    enum: message_type
    valid:
      in-enum: true
  - id: size
    -orig-id: MsgSize
    type: u4
    valid:
      min: 16
      max: 393216
  - id: cipher
    -orig-id: CryptoAlgoId
    type: u4
    enum: cipher
    valid:
      in-enum: true
  - id: body
    size: size - 16
    type:
      switch-on: type
      cases:
        message_type::nego_request: version_range
        message_type::nego_response: version_range
        message_type::get_block_list: get_block_list
        message_type::get_blocks: get_blocks
        message_type::block_list: block_list
        message_type::block: block
        message_type::get_segment_list: get_segment_list
        message_type::segment_list: segment_list
types:
  version_range:
    doc-ref: "[MS-PCCRR] 2.2.4.1, 2.2.5.1"
    seq:
      - id: min_minor
        type: u2
      - id: min_major
        type: u2
      - id: max_minor
        type: u2
      - id: max_major
        type: u2
  segment_id:
    seq:
      - id: size
        -orig-id: SizeOfSegmentID
        type: u4
        valid:
          max: 393216
      - id: value
        -orig-id: SegmentID
        size: size
      - id: padding
        -orig-id: ZeroPad
        size: (-size) % 4
  index_range:
    doc-ref: "[MS-PCCRR] 2.2.1.1, 2.2.1.2"
    seq:
      - id: index
        type: u4
      - id: count
        type: u4
  get_block_list:
    doc-ref: "[MS-PCCRR] 2.2.4.2"
    seq:
      - id: segment_id
        type: segment_id
      - id: range_count
        -orig-id: NeededBlocksRangeCount
        type: u4
      - id: ranges
        -orig-id: NeededBlockRanges
        type: index_range
        repeat: expr
        repeat-expr: range_count
  get_blocks:
    doc-ref: "[MS-PCCRR] 2.2.4.3"
    seq:
      - id: segment_id
        type: segment_id
      - id: range_count
        -orig-id: ReqBlockRangeCount
        type: u4
      - id: ranges
        -orig-id: ReqBlockRanges
        type: index_range
        repeat: expr
        repeat-expr: range_count
      - id: verification_size
        -orig-id: SizeOfDataForVrfBlock
        type: u4
      - id: verification
        -orig-id: DataForVrfBlock
        size: verification_size
  get_segment_list:
    doc-ref: "[MS-PCCRR] 2.2.4.4"
    seq:
      - id: request_id
        -orig-id: RequestID
        size: 16
      - id: segment_count
        -orig-id: CountOfSegmentIDs
        type: u4
      - id: segment_ids
        type: segment_id
        repeat: expr
        repeat-expr: segment_count
      - id: blob
        type: sized_blob
  block_list:
    doc-ref: "[MS-PCCRR] 2.2.5.2"
    seq:
      - id: segment_id
        type: segment_id
      - id: range_count
        -orig-id: BlockRangeCount
        type: u4
      - id: ranges
        -orig-id: BlockRanges
        type: index_range
        repeat: expr
        repeat-expr: range_count
      - id: next_block_index
        -orig-id: NextBlockIndex
        type: u4
  block:
    doc-ref: "[MS-PCCRR] 2.2.5.3"
    seq:
      - id: segment_id
        type: segment_id
      - id: block_index
        -orig-id: BlockIndex
        type: u4
      - id: next_block_index
        -orig-id: NextBlockIndex
        type: u4
      - id: block
        type: padded
      - id: verification
        type: padded
      - id: iv_size
        -orig-id: SizeOfIVBlock
        type: u4
      - id: iv
        -orig-id: IVBlock
        size: iv_size
  padded:
    seq:
      - id: size
        type: u4
        valid:
          max: 393216
      - id: value
        size: size
      - id: padding
        size: (-size) % 4
  segment_list:
    doc-ref: "[MS-PCCRR] 2.2.5.4"
    seq:
      - id: request_id
        -orig-id: RequestID
        size: 16
      - id: range_count
        -orig-id: SegmentRangeCount
        type: u4
      - id: ranges
        -orig-id: SegmentRanges
        type: index_range
        repeat: expr
        repeat-expr: range_count
      - id: blob
        type: sized_blob
  sized_blob:
    seq:
      - id: size
        -orig-id: SizeOfExtensibleBlob
        type: u4
        valid:
          max: 393216
      - id: value
        -orig-id: ExtensibleBlob
        size: size
enums:
  message_type:
    0: nego_request
    1: nego_response
    2: get_block_list
    3: get_blocks
    4: block_list
    5: block
    6: get_segment_list
    7: segment_list
  cipher:
    0: none
    1: aes_128
    2: aes_192
    3: aes_256
