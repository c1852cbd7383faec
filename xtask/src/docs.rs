//! `xtask docs`: writes the pages that are made from the code. The tests of `consign` that hold
//! those pages against the code know how; this only tells them to write.

use anyhow::Result;

use crate::command::{cargo, succeeds};

pub(crate) fn run() -> Result<bool> {
    let mut test = cargo();
    test.args(["test", "--locked", "--quiet", "--package", "consign"]);
    test.args(["--test", "it", "docs::"]);
    succeeds(test.env("CONSIGN_TEST_WRITE_DOCS", "1"))
}
