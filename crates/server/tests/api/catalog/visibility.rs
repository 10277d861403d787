use serde_json::json;

use super::names;
use crate::support::{Engine, TestApp, cases};

cases! {
    a_withdrawn_movie_leaves_every_list,
    a_withdrawn_movie_is_found_only_by_its_buyers_and_moderators,
    a_movie_that_is_put_on_sale_again_is_visible_again,
}

async fn a_withdrawn_movie_leaves_every_list(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    app.withdraw("Alien").await;
    for caller in [&app.anonymous(), &*ann, &*admin] {
        for query in ["", "search=alien", "title=Alien", "year_min=1979&year_max=1979"] {
            let list = caller.get(format!("/movies?{query}")).await;
            assert!(!names(&list).contains(&"Alien".to_owned()), "{query}");
        }
        let list = caller.get("/movies").await.json();
        assert_eq!(list["total_items"], 11);
    }
}

async fn a_withdrawn_movie_is_found_only_by_its_buyers_and_moderators(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    app.sell(&ann, movies.id("Alien")).await;
    app.withdraw("Alien").await;
    let path = format!("/movies/{}", movies.id("Alien"));
    app.anonymous().get(&path).await.problem(404, "not_found");
    bob.get(&path).await.problem(404, "not_found");
    for caller in [&ann, &admin] {
        let movie = caller.get(&path).await.expect(200).json();
        assert_eq!((&movie["name"], &movie["is_available"]), (&json!("Alien"), &json!(false)));
    }
}

async fn a_movie_that_is_put_on_sale_again_is_visible_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    app.withdraw("Alien").await;
    let again = app.import_small_catalogue().await;
    assert_eq!(again.id("Alien"), movies.id("Alien"));
    app.anonymous().get(format!("/movies/{}", movies.id("Alien"))).await.expect(200);
    assert_eq!(app.anonymous().get("/movies").await.json()["total_items"], 12);
}
