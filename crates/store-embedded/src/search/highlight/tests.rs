//! Where sentences and words end, as Java 17 told it.

use super::breaks::{self, Boundaries};

fn pieces(text: &str, find: fn(&[char]) -> Option<Boundaries>) -> Vec<String> {
    let letters = breaks::known_letters(text).expect("such characters are known");
    let (boundaries, mut pieces, mut at) =
        (find(&letters).expect("a text that is told"), Vec::new(), 0);
    while let Some(end) = boundaries.following(at) {
        pieces.push(letters[at..end].iter().collect());
        at = end;
    }
    pieces
}

#[test]
fn sentences_end_where_java_ends_them() {
    for (text, expected) in [
        (
            "Hello world. This is. a test. 5 things. \"Quoted.\" Then (paren.) next. End",
            "Hello world. |This is. a test. 5 things. |\"Quoted.\" |Then (paren.) next. |End",
        ),
        (
            "Is it? yes! no?! maybe... Then Mr. Smith. v1.2 is 3.14. A.B.C. d",
            "Is it? |yes! |no?! |maybe... |Then Mr. |Smith. v1.2 is 3.14. |A.B.C. d",
        ),
        (
            "Line one\nLine two.\nLine three\n\nPara. \n\nnext. Ünïcode. éa. Éa",
            "Line one\nLine two.\n|Line three\n\nPara. \n\n|next. |Ünïcode. éa. |Éa",
        ),
        (
            "x.y? z!z Q! (a) b. (B) c. 'D' e. [F] g. {h} i. -J k. *L m. n. é o. É p. _q r.",
            "x.y? |z!|z Q! |(a) b. |(B) c. |'D' e. |[F] g. |{h} i. |-J k. |*L m. n. é o. |É p. |_q r.",
        ),
    ] {
        assert_eq!(
            pieces(text, breaks::sentence_boundaries).join("|"),
            expected
        );
    }
}

#[test]
fn words_end_where_java_ends_them() {
    for (text, expected) in [
        (
            "don't well-known e.g. foo_bar 3.14 1,000 c   d\ttab\nnl $5 5% #x x--y \"q\" 5a a5 -7",
            "don't| |well-known| |e.g|.| |foo_bar| |3.14| |1,000| |c|   |d|\t|tab|\n|nl| |$5| |5%| |#|x| |x|-|-|y| |\"|q|\"| |5a| |a5| |-|7",
        ),
        (
            "it's 'quoted' a,b 1.a a.1 1-2 12:30 x@y.com ünï-cod A.B. ...",
            "it's| |'|quoted|'| |a|,|b| |1|.|a| |a|.1| |1|-|2| |12|:|30| |x|@|y.com| |ünï-cod| |A.B|.| |.|.|.",
        ),
        (
            "a\r\nb\n\nc \nd\te  \tf",
            "a|\r\n|b|\n|\n|c| \n|d|\t|e|  \t|f",
        ),
        (
            "5.5.5 5,5,a 5'5 a''a $5.5 5$ a-.5",
            "5.5.5| |5,5|,|a| |5'5| |a|'|'|a| |$5.5| |5|$| |a|-|.5",
        ),
    ] {
        assert_eq!(
            pieces(text, |letters| Some(breaks::word_boundaries(letters))).join("|"),
            expected
        );
    }
}

#[test]
fn what_java_does_with_odd_signs_is_not_told() {
    for text in ["a.\"b", "a.'b c", "a. (", "a. \"-", "a. (5)", "a!. -5"] {
        let letters = breaks::known_letters(text).expect("such characters are known");
        assert!(breaks::sentence_boundaries(&letters).is_none(), "{text}");
    }
}

#[test]
fn of_other_characters_nothing_is_said() {
    for text in ["日本", "a\u{2029}b", "“a”", "a\u{a0}b", "e\u{301}", "😀"] {
        assert!(breaks::known_letters(text).is_none(), "{text}");
    }
}
