use super::has_example;

#[test]
fn blocks_that_rustdoc_compiles_are_examples() {
    for info in ["", "rust", "no_run", "should_panic,edition2024"] {
        let source = format!("/// How:\n/// ```{info}\n/// f();\n/// ```\nfn f() {{}}\n");
        assert!(has_example(&source), "{info}");
        assert!(has_example(&source.replace("///", "    //!")), "{info}");
    }
}

#[test]
fn what_is_not_compiled_is_none() {
    let text = "//! ```text\n//! a b\n//! ```\n";
    let ignored = "/// ```ignore\n/// f();\n/// ```\n";
    let code = "fn f() {\n    // ```\n    let fence = \"```\";\n}\n";
    assert!(!has_example(&[text, ignored, code].concat()));
}
