use domain::catalog::Facts;
use serde_json::json;

use super::{names, sorted};
use crate::support::{Engine, TestApp, cases, facts};

cases! {
    the_most_similar_movies_are_first,
    withdrawn_and_bought_movies_are_not_listed_as_similar,
    the_similar_movies_of_an_invisible_movie_are_not_found,
    lists_computed_by_the_background_job_are_shown,
}

fn catalogue() -> Vec<Facts> {
    let movie = |name: &str, genre: &str, star: &str| Facts {
        genres: vec![genre.to_owned()],
        directors: vec![format!("Director of {name}")],
        stars: vec![star.to_owned()],
        ..facts(name, 2000)
    };
    vec![
        movie("Alien", "Sci-Fi", "Sigourney Weaver"),
        movie("Aliens", "Sci-Fi", "Sigourney Weaver"),
        movie("Solaris", "Sci-Fi", "Natalya Bondarchuk"),
        movie("Ghostbusters", "Comedy", "Sigourney Weaver"),
        movie("Up", "Animation", "Edward Asner"),
    ]
}

async fn the_most_similar_movies_are_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import(catalogue()).await;
    let path = format!("/movies/{}/similar", movies.id("Alien"));
    let answer = app.anonymous().get(&path).await;
    assert_eq!(names(&answer), ["Aliens", "Solaris", "Ghostbusters"]);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=5"));
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 1, "the answer has only the member `items`: {body}");
    let listed = app.anonymous().get("/movies?title=aliens").await.json();
    assert_eq!(body["items"][0], listed["items"][0], "the item is the same as in the list of movies");
}

async fn withdrawn_and_bought_movies_are_not_listed_as_similar(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import(catalogue()).await;
    let path = format!("/movies/{}/similar", movies.id("Alien"));
    let ann = app.user("ann").await;
    app.sell(&ann, movies.id("Aliens")).await;
    app.import(vec![Facts {
        is_available: false,
        genres: vec!["Sci-Fi".to_owned()],
        ..facts("Solaris", 2000)
    }])
    .await;
    let answer = ann.get(&path).await;
    assert_eq!(names(&answer), ["Ghostbusters"]);
    assert_eq!(answer.json()["items"][0]["me"]["purchased"], false);
    assert_eq!(names(&app.anonymous().get(&path).await), ["Aliens", "Ghostbusters"]);
}

async fn the_similar_movies_of_an_invisible_movie_are_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let movies = app.import(vec![Facts { is_available: false, ..facts("Gone", 2000) }]).await;
    let visitor = app.anonymous();
    let missing = "01900000-0000-7000-8000-000000000000".to_owned();
    for id in [movies.id("Gone"), missing] {
        visitor.get(format!("/movies/{id}/similar")).await.problem(404, "not_found");
    }
    visitor.get("/movies/nonsense/similar").await.problem(400, "malformed_request");
}

async fn lists_computed_by_the_background_job_are_shown(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import(catalogue()).await;
    assert_eq!(app.find_similar().await, 5);
    assert_eq!(app.find_similar().await, 0, "no list needs to be computed again");
    let path = format!("/movies/{}/similar", movies.id("Ghostbusters"));
    let kept = app.anonymous().get(&path).await;
    assert_eq!(sorted(names(&kept)), ["Alien", "Aliens"]);
    // A movie that is added later is missing until the list is computed again.
    app.import(vec![Facts { stars: vec!["Sigourney Weaver".to_owned()], ..facts("Avatar", 2009) }]).await;
    assert_eq!(app.anonymous().get(&path).await.json()["items"], kept.json()["items"]);
    assert_eq!(app.anonymous().get("/movies?title=avatar").await.json()["total_items"], json!(1));
}
