meta:
  id: probe_scope_v2
  title: BranchCache Discovery, scope of a version 2.0 Probe (base64 removed)
  license: MIT
  endian: be
  ks-version: "0.11"
doc-ref: "[MS-PCCRD] 2.2.3.3"
seq:
  - id: hash_size
    -orig-id: SegmentHashSize
    type: u2
    valid:
      min: 1
  - id: hash_count
    -orig-id: SegmentHashCount
    type: u1
    valid:
      min: 1
  - id: segment_ids
    size: hash_size
    repeat: expr
    repeat-expr: hash_count
