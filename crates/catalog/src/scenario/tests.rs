//! The shop's scenario, and what is told of one that is wrong.

use super::{Scenario, ScenarioFault};
use crate::Catalog;

fn shop() -> Catalog {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop");
    Catalog::load(&[folder.into()]).unwrap()
}

fn play(text: &str) -> Result<(), ScenarioFault> {
    let scenario: Scenario = serde_yaml_ng::from_str(text).unwrap();
    shop().play(&scenario)
}

const LAMPS: &str = include_str!("../../../../examples/shop/shop.scenario.yaml");

#[test]
fn each_step_stands_on_those_before_it() {
    assert_eq!(play(LAMPS), Ok(()));
}

#[test]
fn what_is_not_as_it_says_is_told_with_its_step() {
    let cases = [
        (
            "answer: {onHand: 3}",
            "answer: {onHand: 4}",
            "step 1 (stock.receive): the answer: `onHand` is 3, should be 4",
        ),
        (
            "refused: sold_out",
            "refused: missing",
            "step 3 (order.place): should be refused by `missing`, is refused by `sold_out`: ",
        ),
        (
            "refused: sold_out",
            "answer: {}",
            "step 3 (order.place): should be applied, is refused by `sold_out`: ",
        ),
        (
            "quantity: 1, coupon: SPRING}",
            "quantity: 1}",
            "step 5 (order.place): should be refused by `coupon_used`, is applied",
        ),
        (
            "{state: cancelled}",
            "{state: placed}",
            "`state` is \"cancelled\", should be \"placed\"",
        ),
        (
            "other: null",
            "other: {}",
            "step 6 (order.cancel): document shop/orders/other is not there",
        ),
        (
            "{lamp: {onHand: 1}}",
            "{lamp: null}",
            "step 2 (order.place): document shop/products/lamp is ",
        ),
        (
            "productid: lamp, onhand: 3",
            "productid: lamp, onhand: 1",
            "step 7 (order.cancel): row shop_stock",
        ),
        (
            "keep: {order: orderId}",
            "keep: {order: id}",
            "step 2 (order.place): the answer has no `id`",
        ),
        (
            "request: {productId: lamp, orderId: '${order}'}",
            "request: {productId: lamp, orderId: '${oder}'}",
            "step 6 (order.cancel): no step before keeps `oder`",
        ),
        (
            "onhand: 1}], shop_invoice",
            "on_hand: 1}], shop_invoice",
            "table `shop_stock` has no column `on_hand`",
        ),
        (
            "operation: stock.receive",
            "operation: stock.recieve",
            "step 1 (stock.recieve): there is no such operation",
        ),
    ];
    for (sound, wrong, says) in cases {
        let told = play(&LAMPS.replacen(sound, wrong, 1))
            .unwrap_err()
            .to_string();
        assert!(told.contains(says), "{told}\n  should have: {says}");
    }
}
