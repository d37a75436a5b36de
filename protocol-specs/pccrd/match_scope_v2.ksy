meta:
  id: match_scope_v2
  title: BranchCache Discovery, scope of a version 2.0 ProbeMatch (base64 removed)
  license: MIT
  bit-endian: be
  ks-version: "0.11"
doc: Two bits for each segment of the probe, in its order, filled up with zeros to a whole byte.
doc-ref: "[MS-PCCRD] 2.2.3.3"
params:
  - id: segment_count
    type: s4
seq:
  - id: segments
    type: b2
    enum: held
    repeat: expr
    repeat-expr: segment_count
enums:
  held:
    0: none
    2: in_part
    3: complete
