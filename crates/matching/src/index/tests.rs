use super::leaf::Leaf;

#[test]
fn a_leaf_is_one_line_of_the_cache() {
    assert_eq!(size_of::<Leaf>(), 64);
    assert_eq!(size_of::<Option<Leaf>>(), 64);
}
