use reqwest::Method;
use serde_json::json;

use crate::support::{Caller, Engine, TestApp, cases};

cases! {
    activity_of_users_changes_the_popularity_when_the_job_has_run,
    a_single_rating_of_10_is_not_ranked_first,
    pages_by_rating_continue_by_cursor,
    the_order_by_rating_is_the_same_under_every_filter,
}

async fn names(caller: &Caller, query: &str) -> Vec<String> {
    let page = caller.get(format!("/movies?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|movie| movie["name"].as_str().unwrap().to_owned()).collect()
}

async fn activity_of_users_changes_the_popularity_when_the_job_has_run(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let idle = names(&visitor, "").await;
    assert_eq!(
        idle,
        names(&visitor, "sort=-votes").await,
        "movies without activity are in the order of their votes"
    );
    app.refresh_popularity().await;
    assert_eq!(names(&visitor, "").await, idle);
    // 12 Angry Men has 3,982 votes fewer than Blade Runner, which precedes it.
    let angry = movies.id("12 Angry Men");
    let position = |names: &[String]| names.iter().position(|name| name == "12 Angry Men").unwrap();
    let before = position(&idle);
    assert_eq!(idle[before - 1], "Blade Runner");
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for user in [&ann, &bob] {
        let body = json!({"value": "like"});
        user.call(Method::PUT, format!("/movies/{angry}/reaction")).json(&body).await.expect(200);
    }
    // Each like counts as 1,000 votes. All comments of one user on one movie together count as 1,000 votes.
    for _ in 0..20 {
        ann.post(format!("/movies/{angry}/comments"), json!({"text": "Not guilty"})).await.expect(201);
    }
    app.refresh_popularity().await;
    assert_eq!(names(&visitor, "").await, idle, "two likes and one commenter count only as 3,000 votes");
    app.sell(&bob, angry.clone()).await;
    assert_eq!(names(&visitor, "").await, idle, "the purchase counts only after the job has run again");
    app.refresh_popularity().await;
    assert_eq!(position(&names(&visitor, "").await), before - 1);
    assert_eq!(names(&visitor, "sort=-votes").await, idle);
    for user in [&ann, &bob] {
        user.delete("/users/me").json(&json!({"password": user.password})).await.expect(204);
    }
    app.refresh_popularity().await;
    assert_eq!(names(&visitor, "").await, idle, "only the purchase remains, which counts as 3,000 votes");
}

async fn a_single_rating_of_10_is_not_ranked_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let users = [app.user("ann").await, app.user("bob").await, app.user("cleo").await];
    for (name, scores) in
        [("M", vec![10]), ("Alien", vec![8, 8, 9]), ("Aliens", vec![9]), ("Zootopia", vec![1])]
    {
        for (score, user) in scores.into_iter().zip(&users) {
            let path = format!("/movies/{}/rating", movies.id(name));
            user.call(Method::PUT, path).json(&json!({"score": score})).await.expect(200);
        }
    }
    let down = names(&app.anonymous(), "sort=-rating,name").await;
    assert_eq!(down[..4], ["Alien", "M", "Aliens", "Zootopia"]);
    let up = names(&app.anonymous(), "sort=rating,name").await;
    assert_eq!(up[..4], ["Zootopia", "Aliens", "M", "Alien"]);
    assert_eq!(up[4..], down[4..], "movies without a rating come last either way");
}

async fn pages_by_rating_continue_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for (name, score) in [("M", 7), ("Alien", 7), ("Aliens", 3), ("Zootopia", 10), ("Metropolis", 9)] {
        let path = format!("/movies/{}/rating", movies.id(name));
        ann.call(Method::PUT, path).json(&json!({"score": score})).await.expect(200);
    }
    for sort in ["rating", "-rating"] {
        let whole = names(&ann, &format!("sort={sort}")).await;
        let mut walked = Vec::new();
        let mut query = format!("sort={sort}&page_size=2");
        loop {
            let page = ann.get(format!("/movies?{query}")).await.expect(200).json();
            walked.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|movie| movie["name"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("sort={sort}&page_size=2&cursor={cursor}");
        }
        assert_eq!(walked, whole, "{sort}");
    }
}

async fn the_order_by_rating_is_the_same_under_every_filter(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for (name, score) in
        [("M", 7), ("Alien", 8), ("Aliens", 3), ("Zootopia", 10), ("Metropolis", 9), ("Amélie", 5)]
    {
        let path = format!("/movies/{}/rating", movies.id(name));
        ann.call(Method::PUT, path).json(&json!({"score": score})).await.expect(200);
    }
    let alien = ann.get(format!("/movies/{}", movies.id("Alien"))).await.expect(200).json();
    let id = |thing: &serde_json::Value| thing["id"].as_str().unwrap().to_owned();
    let filters = [
        "year_min=1920&year_max=1999".to_owned(),
        "imdb_min=8".to_owned(),
        "price_max=9.99".to_owned(),
        "duration_min=100".to_owned(),
        "title=a".to_owned(),
        "search=alien".to_owned(),
        format!("genre={}", id(&alien["genres"][0])),
        format!("director={}", id(&alien["directors"][0])),
        format!("star={}", id(&alien["stars"][0])),
        format!("certification={}", id(&alien["certification"])),
        format!("id={}&id={}", movies.id("M"), movies.id("Zootopia")),
        "year_max=1999&imdb_min=8&title=a".to_owned(),
    ];
    for sort in ["rating", "-rating"] {
        let whole = names(&ann, &format!("sort={sort}&page_size=100")).await;
        for filter in &filters {
            let mut kept = names(&ann, &format!("{filter}&sort=name&page_size=100")).await;
            kept.sort_by_key(|name| whole.iter().position(|other| other == name));
            assert!(!kept.is_empty(), "{filter}");
            let sorted = names(&ann, &format!("{filter}&sort={sort}&page_size=100")).await;
            assert_eq!(sorted, kept, "{sort} {filter}");
        }
    }
}
