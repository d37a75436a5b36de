meta:
  id: content_information
  title: BranchCache Content Information, versions 1.0 and 2.0
  license: MIT
  ks-version: "0.11"
doc: |
  What a content server hands out in place of the content: hashes, lengths and secrets of its segments.
  The two bytes of the version are minor, then major, in both; what follows is little-endian in 1.0 and
  big-endian in 2.0.
doc-ref: "[MS-PCCRC] 2.3, 2.4"
seq:
  - id: minor_version
    type: u1
    valid: 0
  - id: major_version
    type: u1
    valid:
      any-of: [1, 2]
  - id: body
    type:
      switch-on: major_version
      cases:
        1: version_1
        2: version_2
types:
  version_1:
    doc-ref: "[MS-PCCRC] 2.3"
    meta:
      endian: le
    seq:
      - id: hash_algorithm
        -orig-id: dwHashAlgo
        type: u4
        enum: hash_algorithm
        valid:
          in-enum: true
      - id: offset_in_first_segment
        -orig-id: dwOffsetInFirstSegment
        type: u4
      - id: bytes_in_last_segment
        -orig-id: dwReadBytesInLastSegment
        type: u4
        doc: 0 stands for "to the end of the last segment".
      - id: segment_count
        -orig-id: cSegments
        type: u4
        valid:
          min: 1
      - id: segments
        type: segment_description
        repeat: expr
        repeat-expr: segment_count
      - id: content_blocks
        type: segment_content_blocks
        repeat: expr
        repeat-expr: segment_count
    instances:
      hash_bytes:
        value: "hash_algorithm == hash_algorithm::sha256 ? 32 : (hash_algorithm == hash_algorithm::sha384 ? 48 : 64)"
    types:
      segment_description:
        doc-ref: "[MS-PCCRC] 2.3.1.1"
        meta:
          endian: le
        seq:
          - id: offset
            -orig-id: ullOffsetInContent
            type: u8
          - id: length
            -orig-id: cbSegment
            type: u4
            valid:
              min: 1
              max: 33554432
          - id: block_size
            -orig-id: cbBlockSize
            type: u4
            valid: 65536
          - id: hash_of_data
            -orig-id: SegmentHashOfData
            size: _parent.hash_bytes
          - id: secret
            -orig-id: SegmentSecret
            size: _parent.hash_bytes
      segment_content_blocks:
        doc-ref: "[MS-PCCRC] 2.3.1.2"
        meta:
          endian: le
        seq:
          - id: block_count
            -orig-id: cBlocks
            type: u4
            valid:
              max: 512
          - id: block_hashes
            -orig-id: BlockHashes
            size: _parent.hash_bytes
            repeat: expr
            repeat-expr: block_count
    enums:
      hash_algorithm:
        0x800c: sha256
        0x800d: sha384
        0x800e: sha512
  version_2:
    doc-ref: "[MS-PCCRC] 2.4"
    meta:
      endian: be
    seq:
      - id: hash_algorithm
        -orig-id: bHashAlgo
        type: u1
        valid: 4
        doc: SHA-512, of which the first 32 bytes are kept.
      - id: start_in_content
        -orig-id: ullStartInContent
        type: u8
      - id: index_of_first_segment
        -orig-id: ullIndexOfFirstSegment
        type: u8
      - id: offset_in_first_segment
        -orig-id: dwOffsetInFirstSegment
        type: u4
      - id: length_of_range
        -orig-id: ullLengthOfRange
        type: u8
        doc: 0 stands for the whole content.
      - id: chunks
        type: chunk
        repeat: eos
    types:
      chunk:
        doc-ref: "[MS-PCCRC] 2.4.1.1"
        meta:
          endian: be
        seq:
          - id: type
            -orig-id: bChunkType
            type: u1
            valid: 0
          - id: data_length
            -orig-id: dwChunkDataLength
            type: u4
            valid:
              expr: _ != 0 and _ % 68 == 0
          - id: segments
            type: segment_description
            repeat: expr
            repeat-expr: data_length / 68
      segment_description:
        doc-ref: "[MS-PCCRC] 2.4.1.2"
        meta:
          endian: be
        seq:
          - id: length
            -orig-id: cbSegment
            type: u4
            valid:
              min: 1
              max: 131072
          - id: hash_of_data
            -orig-id: SegmentHashOfData
            size: 32
          - id: secret
            -orig-id: SegmentSecret
            size: 32
