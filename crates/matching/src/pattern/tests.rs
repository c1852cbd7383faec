use super::{Flags, Pattern, PatternError};

fn parse(source: &str, flags: &str) -> Result<Pattern, PatternError> {
    Pattern::parse(source, Flags::parse(flags), 4_096, 1 << 20)
}

fn found(source: &str, flags: &str, text: &str) -> bool {
    parse(source, flags)
        .unwrap_or_else(|error| panic!("{source}: {error}"))
        .is_match(text)
}

#[test]
fn classes_and_boundaries_are_ascii() {
    for (pattern, text, wanted) in [
        ("^\\w$", "é", false),
        ("^\\W$", "é", true),
        ("^[\\w]$", "é", false),
        ("^[\\W]$", "é", true),
        ("^[^\\W]$", "é", false),
        ("^\\d$", "٣", false),
        ("^\\D$", "٣", true),
        ("^\\s$", "\u{a0}", false),
        ("^\\S$", "\u{a0}", true),
        ("^\\s$", "\u{b}", false),
        ("a\\b", "aé", true),
        ("é\\b", "é", false),
        ("\\Bé", "é", true),
        ("^.$", "😀", true),
        ("^[^a]$", "😀", true),
        ("^\\pL$", "é", true),
        ("^\\p{Greek}$", "λ", true),
        ("^\\p{^Greek}$", "λ", false),
        ("^\\PL$", "é", false),
        ("^[\\pL]$", "é", true),
    ] {
        assert_eq!(found(pattern, "", text), wanted, "{pattern} in {text:?}");
    }
}

#[test]
fn flags_and_lines() {
    assert!(found("ADA", "i", "ada") && !found("ADA", "", "ada") && found("(?i)ADA", "", "ada"));
    assert!(found("É", "i", "é"));
    assert!(found("^b$", "m", "a\nb") && !found("^b$", "", "a\nb"));
    assert!(found("a.b", "s", "a\nb") && !found("a.b", "", "a\nb"));
    assert!(!found("b$", "", "b\n"), "the end is the very end");
    assert!(found("a", "gyuX", "a"), "other flags do nothing");
}

#[test]
fn syntax_of_re2_that_rust_reads_otherwise() {
    for (pattern, text, wanted) in [
        ("[[a]+", "[", true),
        ("[a&&b]", "&", true),
        ("[a~~b]", "~", true),
        ("[a-c--b]", "b", true),
        ("[]a]", "]", true),
        ("[^]a]", "]", false),
        ("a{", "a{", true),
        ("a{,2}", "a{,2}", true),
        ("a{2,x}", "a{2,x}", true),
        ("^a{2}$", "aa", true),
        ("^a{2,}?$", "aaa", true),
        ("\\Qa.b\\E.", "a.bc", true),
        ("\\Qa.b\\E.", "axbc", false),
        ("\\x41\\x{1F600}", "A😀", true),
        ("\\u0041", "A", true),
        ("\\101", "A", true),
        ("\\07", "\u{7}", true),
        ("\\cA", "\u{1}", true),
        ("\\/\\-\\<", "/-<", true),
        ("[[:alpha:]]", "é", false),
        ("(?<n>a)(?P<m>b)", "ab", true),
        ("(?:a|b)c", "bc", true),
        ("x*", "", true),
        ("^(?i:A)b$", "ab", true),
        ("#", "#", true),
        ("a b", "a b", true),
    ] {
        assert_eq!(found(pattern, "", text), wanted, "{pattern} in {text:?}");
    }
}

#[test]
fn what_re2_lacks_is_refused() {
    for pattern in [
        "(?!a)",
        "(?=a)",
        "(?<=a)",
        "(?<!a)",
        "(a)\\1",
        "\\k<n>",
        "(?#c)",
        "(?x)a b",
        "(?u)a",
        "a**",
        "a{2}{3}",
        "*a",
        "(*)",
        "a{1001}",
        "a{3,2}",
        "[a",
        "(a",
        "a)",
        "[z-a]",
        "[a-\\d]",
        "\\",
        "\\_",
        "\\y",
        "\\Z",
        "\\C",
        "[\\b]",
        "\\p{Nonsense}",
        "(?P=n)",
        "(?P<1>a",
        "(?R)",
    ] {
        assert!(parse(pattern, "").is_err(), "{pattern}");
    }
}

#[test]
fn size_is_bounded_before_and_while_compiling() {
    assert_eq!(
        Pattern::parse("aaaa", Flags::default(), 3, 1 << 20).unwrap_err(),
        PatternError::TooLong(3)
    );
    assert_eq!(
        parse("(a{1000}){1000}", "").unwrap_err(),
        PatternError::TooLarge(1 << 20)
    );
    assert_eq!(
        parse("\\pL{500}", "").unwrap_err(),
        PatternError::TooLarge(1 << 20)
    );
}

#[test]
fn what_is_compiled_late_always_compiles() {
    for pattern in [
        "[^a]{20}",
        "\\w{100}",
        ".{60}",
        "(?i)[a-z]{80}é{40}",
        "((a|b|cd){5}x?){8}",
        "\\pN",
        "[\\w\\s]{90}$",
        "(?:a{30}){30}",
        "\\p{Greek}{9}",
    ] {
        let parsed = parse(pattern, "i").unwrap();
        assert!(parsed.regex().is_some(), "{pattern}");
    }
}

#[test]
fn equal_when_text_and_flags_are() {
    assert_eq!(parse("a", "img").unwrap(), parse("a", "mi").unwrap());
    assert_ne!(parse("a", "").unwrap(), parse("a", "i").unwrap());
    assert_eq!(format!("{:?}", parse("a.b", "si").unwrap()), "/a.b/is");
}
