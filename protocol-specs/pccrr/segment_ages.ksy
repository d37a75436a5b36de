meta:
  id: segment_ages
  title: BranchCache extensible blob, version 1
  license: MIT
  endian: be
  ks-version: "0.11"
doc: How long the named segments have been in the cache. Used in retrieval and discovery.
doc-ref: "[MS-PCCRR] 2.2.6.1, 2.2.1.5"
seq:
  - id: version
    -orig-id: ExtensibleBlobVersion
    type: u2
    valid: 1
  - id: unit
    -orig-id: SegmentAgeUnits
    type: u1
    enum: unit
    valid:
      in-enum: true
  - id: count
    -orig-id: SegmentAgeCount
    type: u1
  - id: ages
    type: encoded_age
    repeat: expr
    repeat-expr: count
types:
  encoded_age:
    seq:
      - id: segment_index
        -orig-id: SegmentIndex
        type: u1
      - id: low
        -orig-id: SegmentAgeLowPart
        type: u1
      - id: middle
        -orig-id: SegmentAgeMidPart
        type: u1
      - id: high
        -orig-id: SegmentAgeHighPart
        type: u1
    instances:
      value:
        value: low + middle * 256 + high * 65536
enums:
  unit:
    1: seconds
    2: tenths_of_a_second
    3: hundredths_of_a_second
    4: milliseconds
