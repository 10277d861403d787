//! Tests of the serialization of values as JSON.

use domain::{
    accounts::{EmailAddress, Gender, Role},
    cart::CartRefusal,
    catalog::{Facts, FactsBuilder},
    id::MovieId,
    money::{Currency, Money},
    purchases::PurchaseRefusal,
    throttle::Quota,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, expected: &Value) {
    assert_eq!(serde_json::to_value(value).ok().as_ref(), Some(expected));
    assert_eq!(serde_json::from_value(expected.clone()).ok().as_ref(), Some(value));
}

#[test]
fn values_are_serialized_as_their_text_and_deserialized_from_it() {
    round_trip(&"Ann@example.com".parse::<EmailAddress>().unwrap(), &json!("Ann@example.com"));
    round_trip(&Role::Moderator, &json!("moderator"));
    round_trip(&Gender::Woman, &json!("woman"));
    round_trip(&Currency::USD, &json!("USD"));
    round_trip(&"10/1m".parse::<Quota>().unwrap(), &json!("10/1m"));
    let id = "0190a1b2-0000-7000-8000-000000000000";
    round_trip(&id.parse::<MovieId>().unwrap(), &json!(id));
}

#[test]
fn money_is_serialized_as_an_exact_text_with_its_currency() {
    for (minor, code, amount) in [(999, "USD", "9.99"), (-5, "USD", "-0.05"), (500, "JPY", "500")] {
        let money = Money::from_minor(minor, code.parse().unwrap());
        round_trip(&money, &json!({"amount": amount, "currency": code}));
    }
    for bad in [
        json!({"amount": "9.999", "currency": "USD"}),
        json!({"amount": 9.99, "currency": "USD"}),
        json!({"amount": "--1", "currency": "USD"}),
        json!({"amount": "1", "currency": "usd"}),
        json!({"amount": "1", "currency": "USD", "more": 1}),
    ] {
        assert!(serde_json::from_value::<Money>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn deserializing_refuses_what_parsing_refuses() {
    assert!(serde_json::from_value::<EmailAddress>(json!("ann@example")).is_err());
    assert!(serde_json::from_value::<Role>(json!("root")).is_err());
    assert!(serde_json::from_value::<MovieId>(json!("7")).is_err());
}

#[test]
fn refusals_are_serialized_as_their_names() {
    assert_eq!(serde_json::to_value(CartRefusal::CartFull).unwrap(), json!("cart_full"));
    let refusal = CartRefusal::from(PurchaseRefusal::AlreadyPurchased);
    assert_eq!(serde_json::to_value(refusal).unwrap(), json!("already_purchased"));
}

#[test]
fn facts_and_invalid_facts_can_be_serialized() {
    let facts = FactsBuilder::new()
        .name("Alien")
        .year(1979)
        .duration_minutes(117)
        .imdb(8.5)
        .votes(1_000_000)
        .price(Money::from_minor(999, Currency::USD))
        .build(2026)
        .unwrap();
    let written = serde_json::to_value(&facts).unwrap();
    assert_eq!(written["name"], "Alien");
    assert_eq!(written["price"], json!({"amount": "9.99", "currency": "USD"}));
    let read: Facts = serde_json::from_value(written).unwrap();
    assert_eq!(read.check(2026), Ok(facts));
    let invalid = FactsBuilder::new().imdb(11.0).stars([" "]).build(2026).unwrap_err();
    let faults = serde_json::to_value(&invalid).unwrap();
    assert_eq!(faults[3], json!({"field": "imdb", "message": "is more than 10"}));
    assert_eq!(faults[6], json!({"field": "stars", "index": 0, "message": "is missing"}));
}
