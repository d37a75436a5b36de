import fc from "fast-check";

/** Text of header fields: junk, and the pieces that matter, in every order. */
export const fieldTexts = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        "Version",
        "ContentLength",
        "MissingDataRequest",
        "MinContentInformation",
        "HashRequest",
        "=",
        ",",
        ";q=",
        " ",
        "\t",
        "1.0",
        "2.0",
        "true",
        "bytes 0-9/10",
        "9".repeat(400),
        "peerdist",
        "é",
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join("")),
);
