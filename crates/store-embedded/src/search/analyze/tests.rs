use super::each_term;

fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_term(text, &mut |term| found.push(term));
    found
}

#[test]
fn words_as_the_standard_analyzer_finds_them() {
    assert_eq!(
        terms("The 2 QUICK Brown-Foxes jumped over the lazy dog's bone."),
        [
            "the", "2", "quick", "brown", "foxes", "jumped", "over", "the", "lazy", "dog's", "bone"
        ]
    );
    assert_eq!(
        terms("Éclair au café, 東京 ひら カタカナ"),
        ["éclair", "au", "café", "東", "京", "ひ", "ら", "カタカナ"]
    );
    assert_eq!(
        terms("10.5 1,000 a.b a_b x@y.org İ"),
        ["10.5", "1,000", "a.b", "a_b", "x", "y.org", "i"]
    );
    assert_eq!(terms("สวัสดี ไทย"), ["สวัสดี", "ไทย"]);
    assert_eq!(terms(" ,.- "), Vec::<String>::new());
    assert_eq!(
        terms(&"a".repeat(300))
            .iter()
            .map(String::len)
            .collect::<Vec<_>>(),
        [255, 45]
    );
}
