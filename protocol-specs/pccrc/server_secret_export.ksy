meta:
  id: server_secret_export
  title: BranchCache server secret, as exported and decrypted
  license: MIT
  ks-version: "0.11"
doc: |
  Plaintext of the file that carries a server secret from one content server to another. The file itself is
  this, encrypted with AES-256-CBC, PKCS#7 padding, an IV of zeros, and SHA-256 of the UTF-16LE passphrase as key.
doc-ref: "[MS-PCCRC] 2.5"
seq:
  - id: sha256_of_secret
    size: 32
  - id: secret
    size-eos: true
