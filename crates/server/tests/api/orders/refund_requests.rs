//! Refund requests, which buyers create and administrators decide.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use test_stripe::RefundCourse;

use super::{
    paying::{dollars, is_purchased, order_mails, order_of, started},
    refunds::{bought, paid_at_stripe, refund, refunds_of},
    text,
};
use crate::support::{Answer, Engine, SignedIn, TestApp, cases, email_of, snapshot};

cases! {
    an_approved_request_makes_the_refund_and_notifies_the_buyer,
    a_rejected_request_changes_nothing_and_the_buyer_gets_the_reason,
    a_movie_is_in_at_most_one_open_request,
    only_one_of_ten_concurrent_requests_for_a_movie_is_created,
    only_one_of_ten_concurrent_decisions_counts,
    a_refund_request_must_be_about_paid_movies,
    an_invalid_request_is_reported_by_field,
    a_failed_refund_leaves_its_request_approved,
    a_request_that_cannot_be_refunded_stays_open,
    requests_are_listed_and_filtered,
}

async fn ask(buyer: &SignedIn, order: &Value, movies: Option<&[String]>) -> Answer {
    let path = format!("/orders/{}/refund-requests", text(order, "id"));
    match movies {
        Some(movies) => buyer.post(path, json!({"items": movies, "reason": "I bought it by mistake."})).await,
        None => buyer.post(path, json!({"reason": "I bought it by mistake."})).await,
    }
}

async fn decide(admin: &SignedIn, request: &Value, decision: &str) -> Answer {
    let path = format!("/admin/refund-requests/{}", text(request, "id"));
    let body = json!({"decision": decision, "note": "As you wish."});
    admin.call(Method::PATCH, path).json(&body).await
}

async fn an_approved_request_makes_the_refund_and_notifies_the_buyer(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let alien = [movies.id("Alien")];
    let (order, payment) = bought(&app, &ann, &[alien[0].clone(), movies.id("Amélie")]).await;
    let request = ask(&ann, &order, Some(&alien)).await.expect(201).json();
    snapshot!(request, @r#"
    {
      "id": "[id]",
      "order_id": "[id]",
      "items": [
        "[id]"
      ],
      "amount": {
        "amount": "7.99",
        "currency": "USD"
      },
      "reason": "I bought it by mistake.",
      "status": "open",
      "note": null,
      "created_at": "[instant]",
      "decided_at": null
    }
    "#);
    let asked = format!("A refund request for Cinema order {}", text(&order, "number"));
    assert_eq!(order_mails(&app, "admin").await, std::slice::from_ref(&asked));
    let decided = decide(&admin, &request, "approve").await.expect(200).json();
    assert_eq!((text(&decided, "status"), text(&decided, "note")), ("approved", "As you wish."));
    assert!(decided["decided_at"].is_string());
    assert_eq!(decided["user"], json!({"id": ann.id(), "email": email_of("ann")}));
    let refunds = refunds_of(&ann, &payment).await;
    assert_eq!((text(&refunds[0], "status"), &refunds[0]["items"]), ("succeeded", &json!(alien)));
    assert_eq!(order_of(&ann, &order).await["status"], "partially_refunded");
    assert!(!is_purchased(&ann, &alien[0]).await);
    let mails = order_mails(&app, "ann").await;
    let number = text(&order, "number");
    let approved = format!("Your refund request for Cinema order {number} was approved");
    let refunded = format!("A refund for your Cinema order {number}");
    let mut told = mails[1..].to_vec();
    told.sort();
    let mut expected = vec![asked, approved, refunded];
    expected.sort();
    assert_eq!(told, expected);
    decide(&admin, &request, "reject").await.problem(409, "already_decided");
    ask(&ann, &order, Some(&alien)).await.problem(409, "already_refunded");
    // The second request is for the rest of the order.
    let rest = ask(&ann, &order, None).await.expect(201).json();
    assert_eq!((&rest["amount"], &rest["items"]), (&dollars("9.99"), &json!([movies.id("Amélie")])));
    decide(&admin, &rest, "approve").await.expect(200);
    assert_eq!(order_of(&ann, &order).await["status"], "refunded");
    ask(&ann, &order, None).await.problem(409, "order_not_paid");
    ask(&ann, &order, Some(&alien)).await.problem(409, "order_not_paid");
}

async fn a_rejected_request_changes_nothing_and_the_buyer_gets_the_reason(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (order, payment) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let request = ask(&ann, &order, None).await.expect(201).json();
    let decided = decide(&admin, &request, "reject").await.expect(200).json();
    assert_eq!(decided["status"], "rejected");
    assert_eq!(refunds_of(&ann, &payment).await, Vec::<Value>::new());
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
    app.run_outbox().await;
    let mails = app.mails_to(&email_of("ann"));
    let told: Vec<_> = mails.iter().filter(|mail| mail.subject.ends_with("was rejected")).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("As you wish."), "{}", told[0].text);
    ask(&ann, &order, None).await.expect(201);
}

async fn a_movie_is_in_at_most_one_open_request(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    let (order, _) = bought(&app, &ann, &[alien.clone(), amelie.clone()]).await;
    ask(&ann, &order, Some(std::slice::from_ref(&alien))).await.expect(201);
    ask(&ann, &order, Some(&[amelie.clone(), alien])).await.problem(409, "refund_requested");
    ask(&ann, &order, None).await.problem(409, "refund_requested");
    ask(&ann, &order, Some(&[amelie])).await.expect(201);
}

async fn only_one_of_ten_concurrent_requests_for_a_movie_is_created(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, _) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let answers = join_all((0..10).map(|_| ask(&ann, &order, None))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
}

async fn only_one_of_ten_concurrent_decisions_counts(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (order, payment) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let request = ask(&ann, &order, None).await.expect(201).json();
    let answers =
        join_all((0..10).map(|n| decide(&admin, &request, if n % 2 == 0 { "approve" } else { "reject" })))
            .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let is_refunded = order_of(&ann, &order).await["status"] == "refunded";
    assert_eq!(refunds_of(&ann, &payment).await.len(), usize::from(is_refunded));
}

async fn a_refund_request_must_be_about_paid_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (pending, _) = started(&app, &ann, movies.id("Amélie")).await;
    ask(&ann, &pending, None).await.problem(409, "order_not_paid");
    let (order, _) = bought(&app, &ann, &[movies.id("Alien")]).await;
    ask(&bob, &order, None).await.problem(404, "not_found");
    bob.get(format!("/orders/{}/refund-requests", text(&order, "id"))).await.problem(404, "not_found");
    ask(&ann, &order, Some(&[movies.id("Alien"), movies.id("M")])).await.invalid(&[("items.1", "not_found")]);
}

async fn an_invalid_request_is_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (order, _) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let path = format!("/orders/{}/refund-requests", text(&order, "id"));
    for (body, fault) in [
        (json!({}), ("reason", "required")),
        (json!({"reason": " "}), ("reason", "too_short")),
        (json!({"reason": "x", "items": []}), ("items", "too_short")),
        (json!({"reason": "x", "why": 1}), ("why", "unknown")),
    ] {
        ann.post(&path, body).await.invalid(&[fault]);
    }
    let request = ask(&ann, &order, None).await.expect(201).json();
    let path = format!("/admin/refund-requests/{}", text(&request, "id"));
    for (body, fault) in [
        (json!({}), ("decision", "required")),
        (json!({"decision": "maybe"}), ("decision", "invalid_value")),
        (json!({"decision": "reject", "note": ""}), ("note", "too_short")),
    ] {
        admin.call(Method::PATCH, &path).json(&body).await.invalid(&[fault]);
    }
    let nothing = format!("/admin/refund-requests/{}", movies.id("Alien"));
    let body = json!({"decision": "reject"});
    admin.call(Method::PATCH, nothing).json(&body).await.problem(404, "not_found");
}

async fn a_failed_refund_leaves_its_request_approved(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    let request = ask(&shop.buyer, &order, None).await.expect(201).json();
    shop.stripe.next_refund(RefundCourse::StaysPending);
    decide(&admin, &request, "approve").await.expect(200);
    shop.stripe.finish_refund(&shop.refund_id(), false).expect("a pending refund");
    shop.settle().await;
    assert_eq!(refunds_of(&admin, &payment).await[0]["status"], "failed");
    let list = admin.get("/admin/refund-requests").await.expect(200).json();
    assert_eq!(list["items"][0]["status"], "approved");
    let failed = format!("A refund for Cinema order {} failed", {
        let order = order_of(&shop.buyer, &order).await;
        text(&order, "number").to_owned()
    });
    assert!(order_mails(&shop.app, "admin").await.contains(&failed));
}

async fn a_request_that_cannot_be_refunded_stays_open(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (order, payment) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let request = ask(&ann, &order, None).await.expect(201).json();
    refund(&admin, &payment, None).await.expect(201);
    decide(&admin, &request, "approve").await.problem(409, "already_refunded");
    let list = ann.get(format!("/orders/{}/refund-requests", text(&order, "id"))).await.expect(200).json();
    assert_eq!((&list["total_items"], &list["items"][0]["status"]), (&json!(1), &json!("open")));
    decide(&admin, &request, "reject").await.expect(200);
}

async fn requests_are_listed_and_filtered(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let mut requests = Vec::new();
    for buyer in [&ann, &bob] {
        let (order, _) = bought(&app, buyer, &[movies.id("Alien")]).await;
        requests.push(ask(buyer, &order, None).await.expect(201).json());
    }
    decide(&admin, &requests[0], "reject").await.expect(200);
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|one| text(one, "id").to_owned()).collect()
    };
    let [first, second] = [text(&requests[0], "id"), text(&requests[1], "id")];
    for (query, expected) in [
        (String::new(), vec![second, first]),
        ("?status=open".to_owned(), vec![second]),
        (format!("?user_id={}", ann.id()), vec![first]),
        ("?email=BOB%40".to_owned(), vec![second]),
        ("?to=2000-01-01".to_owned(), vec![]),
    ] {
        let list = admin.get(format!("/admin/refund-requests{query}")).await.expect(200).json();
        assert_eq!(ids(&list), expected, "{query}");
    }
    ann.get("/admin/refund-requests").await.problem(403, "forbidden");
}
