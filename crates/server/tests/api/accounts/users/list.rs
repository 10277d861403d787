use chrono::TimeDelta;
use domain::accounts::Role;
use serde_json::{Value, json};

use crate::support::{Caller, Engine, TestApp, cases, snapshot};

cases! {
    a_user_is_shown_to_administrators,
    an_unknown_user_is_not_found,
    the_newest_are_first_by_default_and_each_sort_is_applied,
    filters_narrow_the_list,
    wildcards_in_a_filter_are_matched_literally,
    invalid_parameters_are_reported_together,
    reading_by_cursor_equals_reading_by_page,
    the_links_lead_to_the_other_pages,
    a_cursor_of_another_list_is_refused,
    a_page_that_begins_at_item_ten_thousand_requires_a_cursor,
    the_list_must_not_be_cached,
    an_administrator_sees_the_cart_of_a_user,
}

/// Returns the local parts of the email addresses on a page.
fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|user| user["email"].as_str().unwrap().split('@').next().unwrap().to_owned()).collect()
}

async fn listed(caller: &Caller, query: &str) -> Vec<String> {
    names(&caller.get(format!("/users?{query}")).await.expect(200).json())
}

/// Creates four users, one second after another: the administrator, Ann, Bob and the moderator Mia. Bob's account is
/// not activated. Returns the administrator.
async fn people(app: &TestApp) -> crate::support::SignedIn {
    let admin = app.admin().await;
    app.advance(TimeDelta::seconds(1));
    app.user("ann").await;
    app.advance(TimeDelta::seconds(1));
    app.register("Bob").await.expect(201);
    app.advance(TimeDelta::seconds(1));
    let mia = app.user("mia").await;
    app.change_user(&mia, |user| user.role = Role::Moderator).await;
    admin
}

async fn a_user_is_shown_to_administrators(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let shown = admin.get(format!("/users/{}", ann.id())).await.expect(200).json();
    snapshot!(shown, @r#"
    {
      "id": "[id]",
      "email": "ann@example.com",
      "role": "user",
      "is_active": true,
      "created_at": "[instant]",
      "profile": {
        "first_name": null,
        "last_name": null,
        "gender": null,
        "date_of_birth": null,
        "info": null,
        "avatar_url": null
      }
    }
    "#);
    let list = admin.get("/users?email=ann").await.expect(200).json();
    assert_eq!(list["items"], json!([shown]));
}

async fn an_unknown_user_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    for rest in ["", "/cart"] {
        let unknown = "0190a1b2-0000-7000-8000-000000000000";
        admin.get(format!("/users/{unknown}{rest}")).await.problem(404, "not_found");
        admin.get(format!("/users/ann{rest}")).await.problem(400, "malformed_request");
        let upper = ann.id().to_string().to_uppercase();
        admin.get(format!("/users/{upper}{rest}")).await.expect(200);
        admin.get(format!("/users/{}{rest}?x=1", ann.id())).await.invalid(&[("x", "unknown")]);
    }
}

async fn the_newest_are_first_by_default_and_each_sort_is_applied(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = people(&app).await;
    for (sort, expected) in [
        ("", ["mia", "Bob", "ann", "admin"]),
        ("sort=-created_at", ["mia", "Bob", "ann", "admin"]),
        ("sort=created_at", ["admin", "ann", "Bob", "mia"]),
        ("sort=email", ["admin", "ann", "Bob", "mia"]),
        ("sort=-email,created_at", ["mia", "Bob", "ann", "admin"]),
    ] {
        assert_eq!(listed(&admin, sort).await, expected, "{sort}");
    }
}

async fn filters_narrow_the_list(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = people(&app).await;
    for (query, expected) in [
        ("role=admin", vec!["admin"]),
        ("role=moderator", vec!["mia"]),
        ("role=user", vec!["Bob", "ann"]),
        ("is_active=false", vec!["Bob"]),
        ("is_active=true", vec!["mia", "ann", "admin"]),
        ("email=BOB", vec!["Bob"]),
        ("email=%EF%BD%82ob", vec!["Bob"]),
        ("email=m", vec!["mia", "Bob", "ann", "admin"]),
        ("email=@example.com&role=user&is_active=true", vec!["ann"]),
        ("email=nobody", vec![]),
        ("email=", vec!["mia", "Bob", "ann", "admin"]),
    ] {
        assert_eq!(listed(&admin, query).await, expected, "{query}");
    }
}

async fn wildcards_in_a_filter_are_matched_literally(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    for name in ["a_b", "a.b", "50%25off", "50xoff"] {
        app.register(&name.replace("%25", "%")).await.expect(201);
    }
    for (part, expected) in [
        ("_", vec!["a_b"]),
        ("a_b", vec!["a_b"]),
        ("%25", vec!["50%off"]),
        ("50%25o", vec!["50%off"]),
        ("%5C", vec![]),
        ("%5C%25", vec![]),
        ("%25%25", vec![]),
        ("'%20OR%201=1%20--", vec![]),
    ] {
        assert_eq!(listed(&admin, &format!("email={part}")).await, expected, "{part}");
    }
}

async fn invalid_parameters_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let long = "a".repeat(255);
    let query = format!("email={long}&role=root&is_active=yes&sort=name&page=0&page_size=101&colour=red");
    admin.get(format!("/users?{query}")).await.invalid(&[
        ("email", "too_long"),
        ("role", "invalid_value"),
        ("is_active", "invalid_format"),
        ("sort", "invalid_value"),
        ("page", "too_small"),
        ("page_size", "too_large"),
        ("colour", "unknown"),
    ]);
    let query = "email=a&email=b&role=Admin&is_active=1&sort=email,-email&page=1&cursor=x&page_size=%00";
    admin.get(format!("/users?{query}")).await.invalid(&[
        ("email", "repeated"),
        ("role", "invalid_value"),
        ("is_active", "invalid_format"),
        ("sort", "repeated"),
        ("page", "invalid_value"),
        ("page_size", "invalid_format"),
    ]);
}

async fn reading_by_cursor_equals_reading_by_page(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = people(&app).await;
    for sort in ["created_at", "-created_at", "email", "-email", "-created_at,email"] {
        let mut page = admin.get(format!("/users?sort={sort}&page_size=3")).await.expect(200).json();
        let head = ["page", "page_size", "total_items", "total_pages"].map(|name| page[name].clone());
        assert_eq!((head, &page["total_is_estimate"]), ([1, 3, 4, 2].map(Value::from), &json!(false)));
        let mut walked = names(&page);
        while let Some(cursor) = page["next_cursor"].as_str() {
            let query = format!("/users?sort={sort}&page_size=1&cursor={cursor}");
            page = admin.get(query).await.expect(200).json();
            for member in ["page", "total_items", "total_pages"] {
                assert_eq!(page.get(member), Some(&Value::Null), "{member}");
            }
            walked.extend(names(&page));
        }
        assert_eq!(walked, listed(&admin, &format!("sort={sort}")).await, "{sort}");
        let second = listed(&admin, &format!("sort={sort}&page_size=3&page=2")).await;
        assert_eq!(second, walked[3..], "{sort}");
    }
}

async fn the_links_lead_to_the_other_pages(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = people(&app).await;
    let answer = admin.get("/users?sort=email&page=2&page_size=1").await.expect(200);
    let links: Vec<_> = answer.header("link").unwrap().split(", ").collect();
    let address = format!("<{}/api/v1/users?sort=email&page_size=1", app.url());
    let expected = [("", "first"), ("&page=1", "prev"), ("&page=3", "next"), ("&page=4", "last")];
    assert_eq!(links, expected.map(|(page, relation)| format!("{address}{page}>; rel=\"{relation}\"")));
}

async fn a_cursor_of_another_list_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = people(&app).await;
    let page = admin.get("/users?sort=email&page_size=1").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    for other in
        ["", "sort=-email", "sort=email&role=user", "sort=email&email=a", "sort=email&is_active=true"]
    {
        admin.get(format!("/users?{other}&cursor={cursor}")).await.problem(400, "cursor_invalid");
    }
    admin.get(format!("/movies?sort=name&cursor={cursor}")).await.problem(400, "cursor_invalid");
    for forged in ["x", "e30.e30", &cursor[1..]] {
        admin.get(format!("/users?sort=email&cursor={forged}")).await.problem(400, "cursor_invalid");
    }
}

async fn a_page_that_begins_at_item_ten_thousand_requires_a_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    assert!(listed(&admin, "page=100&page_size=100").await.is_empty());
    admin.get("/users?page=101&page_size=100").await.problem(400, "use_cursor");
}

async fn the_list_must_not_be_cached(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let answer = admin.get("/users").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.header("etag"), None);
}

async fn an_administrator_sees_the_cart_of_a_user(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let path = format!("/users/{}/cart", ann.id());
    assert_eq!(admin.get(&path).await.expect(200).json(), ann.get("/cart").await.expect(200).json());
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    let cart = admin.get(&path).await.expect(200).json();
    assert_eq!(cart["items"][0]["movie"]["name"], "Alien");
    assert_eq!(cart, ann.get("/cart").await.expect(200).json());
    assert_eq!(admin.get("/cart").await.expect(200).json()["items"], json!([]));
}
