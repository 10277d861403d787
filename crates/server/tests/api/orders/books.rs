//! The rules that all amounts in the database and the ledger must satisfy, and the report of sales.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    paying::{cancel_in_database, choose, dollars, order_of, started},
    refunds::{bought, refund},
    text,
};
use crate::support::{Engine, SignedIn, TestApp, cases};

cases! {
    the_books_are_consistent_after_all_events_of_orders,
    violations_are_found,
    a_report_of_sales_counts_sales_and_refunds_on_their_days,
    a_report_of_sales_includes_intervals_without_sales,
    an_invalid_period_of_a_report_is_reported_by_field,
    concurrent_refunds_purchases_and_webhooks_leave_consistent_books,
}

async fn report(admin: &SignedIn, query: &str) -> Value {
    admin.get(format!("/admin/analytics/sales{query}")).await.expect(200).json()
}

async fn the_books_are_consistent_after_all_events_of_orders(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    let (_, payment) = bought(&app, &ann, &[alien.clone(), amelie.clone()]).await;
    app.check_money().await;
    refund(&admin, &payment, Some(std::slice::from_ref(&alien))).await.expect(201);
    app.check_money().await;
    bought(&app, &ann, &[alien]).await;
    app.check_money().await;
    let (_, late) = started(&app, &bob, amelie).await;
    cancel_in_database(&app).await;
    choose(&app, &late, "pay").await.expect(303);
    app.run_payments().await;
    app.check_money().await;
    app.advance(TimeDelta::hours(3));
    app.expire_orders().await;
    app.run_payments().await;
    app.check_money().await;
}

/// Changes of the database that violate a rule, each with a part of the message that reports the violation.
const FAULTS: [(&str, &str); 8] = [
    ("DELETE FROM purchases", "a movie was paid that its buyer does not have"),
    ("UPDATE orders SET total_minor = total_minor + 1", "the total of an order"),
    ("UPDATE payments SET settlement = NULL", "an order is paid without a payment"),
    ("UPDATE payments SET refunded_minor = 1", "the refunded amount of a payment"),
    (
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE account = 'sales'",
        "do not sum up to zero",
    ),
    ("DELETE FROM ledger_entries", "the ledger differs from"),
    ("DELETE FROM notifications", "was not notified once"),
    ("DELETE FROM outbox", "got no mail"),
];

async fn violations_are_found(engine: Engine) {
    for (fault, rule) in FAULTS {
        let app = TestApp::spawn(engine).await;
        let movies = app.import_small_catalogue().await;
        let ann = app.user("ann").await;
        bought(&app, &ann, &[movies.id("Alien")]).await;
        app.check_money().await;
        app.execute_sql(fault).await;
        let found = app.money_violations().await;
        assert!(found.iter().any(|violation| violation.contains(rule)), "{fault}: {found:?}");
    }
}

async fn a_report_of_sales_counts_sales_and_refunds_on_their_days(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    let (order, payment) = bought(&app, &ann, &[alien.clone(), amelie]).await;
    bought(&app, &bob, std::slice::from_ref(&alien)).await;
    let today = text(&order_of(&ann, &order).await, "paid_at")[..10].to_owned();
    app.advance(TimeDelta::days(1));
    let admin = app.signed_in_again(&admin).await;
    refund(&admin, &payment, Some(std::slice::from_ref(&alien))).await.expect(201);
    let first = report(&admin, &format!("?from={today}&to={today}")).await;
    assert_eq!(
        (text(&first, "from"), text(&first, "interval"), text(&first, "currency")),
        (&*today, "day", "USD")
    );
    assert_eq!(
        first["totals"],
        json!({
            "gross": dollars("25.97"), "refunds": dollars("0.00"), "net": dollars("25.97"),
            "orders": 2, "paid_orders": 2, "buyers": 2, "items_sold": 3,
        })
    );
    let both = report(&admin, &format!("?from={today}")).await;
    assert_eq!((&both["totals"]["refunds"], &both["totals"]["net"]), (&dollars("7.99"), &dollars("17.98")));
    let series = both["series"].as_array().unwrap();
    assert_eq!(series.len(), 2);
    assert_eq!((&series[0]["paid_orders"], &series[0]["net"]), (&json!(2), &dollars("25.97")));
    assert_eq!((&series[1]["gross"], &series[1]["net"]), (&dollars("0.00"), &dollars("-7.99")));
    let top: Vec<_> = both["top_movies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (text(one, "name").to_owned(), one["sold"].as_i64().unwrap(), one["net"]["amount"].clone())
        })
        .collect();
    assert_eq!(top, [("Alien".to_owned(), 2, json!("7.99")), ("Amélie".to_owned(), 1, json!("9.99")),]);
    assert!(!both["top_genres"].as_array().unwrap().is_empty());
    // The ledger is not empty, and it agrees with the other amounts.
    let cells = app.stored_texts().await;
    assert!(cells.iter().any(|cell| cell.table == "ledger_entries"));
    app.check_money().await;
    let ann = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    ann.get("/admin/analytics/sales").await.problem(403, "forbidden");
}

async fn a_report_of_sales_includes_intervals_without_sales(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let days = report(&admin, "").await;
    assert_eq!(days["series"].as_array().unwrap().len(), 30);
    assert_eq!(text(&days, "to"), app.now().date_naive().to_string());
    let weeks = report(&admin, "?from=2026-11-25&to=2026-12-08&interval=week").await;
    let starts: Vec<_> =
        weeks["series"].as_array().unwrap().iter().map(|one| text(one, "start").to_owned()).collect();
    assert_eq!(starts, ["2026-11-23", "2026-11-30", "2026-12-07"]);
    let months = report(&admin, "?from=2021-12-09&to=2026-12-08&interval=month").await;
    assert_eq!(months["series"].as_array().unwrap().len(), 61);
    assert_eq!(months["top_movies"], json!([]));
}

async fn an_invalid_period_of_a_report_is_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    for (query, fault) in [
        ("?from=2026-11-23&to=2026-11-22", ("from", "invalid_value")),
        ("?from=2020-11-23&to=2026-11-22", ("from", "too_small")),
        ("?from=yesterday", ("from", "invalid_format")),
        ("?interval=year", ("interval", "invalid_value")),
        ("?colour=red", ("colour", "unknown")),
    ] {
        admin.get(format!("/admin/analytics/sales{query}")).await.invalid(&[fault]);
    }
}

async fn concurrent_refunds_purchases_and_webhooks_leave_consistent_books(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let admin = app.admin().await;
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    for round in 0..5 {
        let buyer = app.user(&format!("buyer{round}")).await;
        let (_, payment) = bought(&app, &buyer, &[alien.clone(), amelie.clone()]).await;
        let one = [alien.clone()];
        let refunds = join_all((0..6).map(|n| refund(&admin, &payment, (n % 2 == 0).then_some(&one[..]))));
        let (answers, ()) = tokio::join!(refunds, app.run_payments());
        assert!(answers.iter().any(|answer| answer.status == 201));
        app.run_payments().await;
        app.check_money().await;
    }
}
