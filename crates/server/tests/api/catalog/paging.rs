use std::collections::HashSet;

use domain::catalog::Facts;
use serde_json::{Value, json};

use super::{names, texts};
use crate::support::{Answer, Caller, Engine, TestApp, cases, facts};

cases! {
    pages_and_sizes_have_bounds,
    a_page_past_the_end_is_empty,
    a_page_number_together_with_a_cursor_is_reported,
    by_cursor_there_are_no_totals,
    the_pages_hold_every_movie_once,
    the_longest_names_are_read_by_cursor,
    reading_by_cursor_equals_reading_by_page_for_every_sort,
    the_links_lead_to_the_other_pages,
    the_links_keep_the_filters_and_sort,
    the_links_begin_with_the_public_url,
    a_page_that_begins_at_item_ten_thousand_requires_a_cursor,
    a_forged_cursor_is_refused,
    a_cursor_of_another_sort_or_filter_is_refused,
    a_cursor_is_valid_for_any_spelling_of_its_filter,
    a_cursor_may_change_its_page_size,
    movies_added_during_reading_repeat_and_hide_nothing,
    a_cursor_survives_the_withdrawal_of_its_movie,
    beyond_ten_thousand_the_total_is_an_estimate,
}

async fn pages_and_sizes_have_bounds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    for (query, fault) in [
        ("page=0", ("page", "too_small")),
        ("page=-1", ("page", "too_small")),
        ("page=1.5", ("page", "invalid_format")),
        ("page=one", ("page", "invalid_format")),
        ("page_size=0", ("page_size", "too_small")),
        ("page_size=101", ("page_size", "too_large")),
        ("page_size=1000", ("page_size", "too_large")),
        ("page_size=99999999999999999999999", ("page_size", "too_large")),
        ("page_size=x", ("page_size", "invalid_format")),
    ] {
        visitor.get(format!("/movies?{query}")).await.invalid(&[fault]);
    }
    for query in ["page=1", "page_size=1", "page_size=100", "page=99&page_size=100", "page=&page_size="] {
        visitor.get(format!("/movies?{query}")).await.expect(200);
    }
}

async fn a_page_past_the_end_is_empty(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/movies?page=3&page_size=10").await.expect(200).json();
    assert_eq!(list["items"], json!([]));
    assert_eq!(
        (&list["page"], &list["total_items"], &list["total_pages"]),
        (&json!(3), &json!(12), &json!(2))
    );
    assert_eq!(list["next_cursor"], json!(null));
}

async fn a_page_number_together_with_a_cursor_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let first = app.anonymous().get("/movies?page_size=5").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let answer = app.anonymous().get(format!("/movies?page=2&cursor={cursor}")).await;
    let answer = answer.problem(422, "validation_failed");
    let fault = &answer.json()["errors"][0];
    assert!(["page", "cursor"].contains(&fault["field"].as_str().unwrap()), "{answer}");
}

async fn by_cursor_there_are_no_totals(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let first = app.anonymous().get("/movies?page_size=5").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let list = app.anonymous().get(format!("/movies?page_size=5&cursor={cursor}")).await.expect(200).json();
    for member in ["page", "total_items", "total_pages"] {
        assert_eq!(list.get(member), Some(&Value::Null), "{member}");
    }
    assert_eq!(list["page_size"], 5);
    assert_eq!(list["items"].as_array().unwrap().len(), 5);
    assert!(list.get("total_is_estimate").is_some());
}

/// Returns the names on all pages, read by page number.
async fn by_pages(caller: &Caller, query: &str, size: usize) -> Vec<String> {
    let mut all = Vec::new();
    for page in 1.. {
        let list = caller.get(format!("/movies?page={page}&page_size={size}{query}")).await;
        let here = names(&list);
        if here.is_empty() {
            break;
        }
        all.extend(here);
    }
    all
}

/// Returns the names on all pages, read by cursor.
async fn by_cursor(caller: &Caller, query: &str, size: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut list = caller.get(format!("/movies?page_size={size}{query}")).await;
    loop {
        all.extend(names(&list));
        let Some(cursor) = list.json()["next_cursor"].as_str().map(str::to_owned) else { return all };
        list = caller.get(format!("/movies?page_size={size}&cursor={cursor}{query}")).await;
    }
}

async fn the_pages_hold_every_movie_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import((0..45).map(|n| facts(&format!("Part {n}"), 2000)).collect()).await;
    let visitor = app.anonymous();
    for size in [1, 7, 20, 45, 100] {
        let all = by_pages(&visitor, "", size).await;
        assert_eq!(all.len(), 45);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 45);
        assert_eq!(by_cursor(&visitor, "", size).await, all);
    }
    let list = visitor.get("/movies?page_size=7").await.json();
    assert_eq!((&list["total_items"], &list["total_pages"]), (&json!(45), &json!(7)));
}

async fn the_longest_names_are_read_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    // `domain::text::fold`, which makes the key by which names are sorted, expands this character to 18 characters.
    let movie = |letter| Facts {
        directors: vec![format!("{}{letter}", "\u{fdfa}".repeat(99))],
        ..facts(&format!("{}{letter}", "\u{fdfa}".repeat(249)), 2000)
    };
    let movies: Vec<Facts> = ["a", "b", "c"].map(movie).into();
    let all: HashSet<String> = movies.iter().map(|movie| movie.identity.name.clone()).collect();
    app.import(movies).await;
    let visitor = app.anonymous();
    assert_eq!(by_cursor(&visitor, "&sort=name", 1).await.into_iter().collect::<HashSet<_>>(), all);
    let people = visitor.get("/directors?page_size=1").await.expect(200).json();
    let cursor = people["next_cursor"].as_str().unwrap();
    visitor.get(format!("/directors?page_size=1&cursor={cursor}")).await.expect(200);
}

async fn reading_by_cursor_equals_reading_by_page_for_every_sort(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let keys = ["name", "year", "price", "imdb", "votes", "rating", "popularity", "created_at"];
    let sorts = keys.iter().flat_map(|key| [(*key).to_owned(), format!("-{key}")]);
    for sort in
        sorts.chain(["imdb,-year".to_owned(), "-price,name".to_owned(), "rating,-imdb,votes".to_owned()])
    {
        let query = format!("&sort={sort}");
        let whole = names(&visitor.get(format!("/movies?page_size=100{query}")).await);
        assert_eq!(whole.len(), 12);
        assert_eq!(by_cursor(&visitor, &query, 5).await, whole, "{sort} by cursor");
        assert_eq!(by_pages(&visitor, &query, 5).await, whole, "{sort} by pages");
    }
    for query in ["&search=the", "&search=a&sort=relevance", "&search=a&sort=relevance,-year"] {
        let whole = names(&visitor.get(format!("/movies?page_size=100{query}")).await);
        assert!(whole.len() > 1, "{query}");
        assert_eq!(by_cursor(&visitor, query, 1).await, whole, "{query}");
    }
}

/// Returns the relation and the target of each link in the `Link` header of a list.
fn links(list: &Answer) -> Vec<(String, String)> {
    let header: Vec<_> =
        list.headers.get_all("link").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let mut links: Vec<_> = header
        .join(", ")
        .split(", <")
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (target, rest) = part.trim_start_matches('<').split_once('>').expect("a link has a target");
            let (_, relation) = rest.split_once("rel=\"").expect("a link has a relation");
            (relation.trim_end_matches('"').to_owned(), target.to_owned())
        })
        .collect();
    links.sort();
    links
}

/// Returns the path and query of a URL.
fn path_of(target: &str) -> &str {
    let at = target.find("/api/v1/").unwrap_or_else(|| panic!("{target} is no URL of the API"));
    &target[at..]
}

async fn the_links_lead_to_the_other_pages(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let relations = |list: &Answer| links(list).into_iter().map(|(relation, _)| relation).collect::<Vec<_>>();
    let first = visitor.get("/movies?page_size=5").await;
    assert_eq!(relations(&first), ["first", "last", "next"]);
    let second = visitor.get("/movies?page=2&page_size=5").await;
    assert_eq!(relations(&second), ["first", "last", "next", "prev"]);
    let third = visitor.get("/movies?page=3&page_size=5").await;
    assert_eq!(relations(&third), ["first", "last", "prev"]);
    for (relation, target) in links(&second) {
        let there = names(&visitor.get(path_of(&target)).await);
        let expected = match relation.as_str() {
            "first" | "prev" => names(&first),
            _ => names(&third),
        };
        assert_eq!(there, expected, "{relation}: {target}");
    }
}

async fn the_links_keep_the_filters_and_sort(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (crime, drama) = (movies.genre("Crime").await, movies.genre("Drama").await);
    let visitor = app.anonymous();
    let query = format!("genre={crime}&genre={drama}&year_min=1930&sort=-year,name&page_size=2");
    let whole =
        names(&visitor.get(format!("/movies?{}", query.replace("page_size=2", "page_size=100"))).await);
    let mut list = visitor.get(format!("/movies?{query}")).await;
    let mut walked = names(&list);
    while let Some((_, target)) = links(&list).into_iter().find(|(relation, _)| relation == "next") {
        list = visitor.get(path_of(&target)).await;
        walked.extend(names(&list));
    }
    assert_eq!(walked, whole);
    let awkward = visitor.get("/movies?search=a%26b%20%C3%A9%22%3E&page_size=1").await.expect(200);
    for (_, target) in links(&awkward) {
        visitor.get(path_of(&target)).await.expect(200);
    }
}

async fn the_links_begin_with_the_public_url(engine: Engine) {
    let public = "https://api.example.com/cinema";
    let app = TestApp::spawn_with(engine, &[("PUBLIC_URL", "https://api.example.com/cinema/")]).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/movies?page_size=5").await.expect(200);
    for (relation, target) in links(&list) {
        assert!(target.starts_with(&format!("{public}/api/v1/movies?")), "{relation}: {target}");
    }
    // `support/answer.rs` checks in every answer that the URLs of problems begin with the public URL.
    app.anonymous().get("/nothing").header("host", "evil.example.com").await.problem(404, "not_found");
}

async fn a_page_that_begins_at_item_ten_thousand_requires_a_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    for query in [
        "page=501&page_size=20",
        "page=501",
        "page=10000&page_size=1",
        "page=4294967295",
        "page=101&page_size=100",
    ] {
        visitor.get(format!("/movies?{query}")).await.problem(400, "use_cursor");
    }
    for query in ["page=500&page_size=20", "page=9999&page_size=1", "page=100&page_size=100"] {
        visitor.get(format!("/movies?{query}")).await.expect(200);
    }
}

async fn a_forged_cursor_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let list = visitor.get("/movies?page_size=5").await.json();
    let cursor = list["next_cursor"].as_str().unwrap().to_owned();
    let (payload, tag) = cursor.split_once('.').unwrap_or((&cursor, ""));
    let forged = [
        "x".to_owned(),
        "e30.e30".to_owned(),
        "%F0%9F%8E%AC".to_owned(),
        format!("{payload}."),
        format!(".{tag}"),
        payload.to_owned(),
        format!("{}x.{tag}", &payload[..payload.len() - 1]),
        format!("{cursor}AAAA"),
        cursor.chars().rev().collect(),
        "a".repeat(2_000),
    ];
    for cursor in forged {
        visitor.get(format!("/movies?page_size=5&cursor={cursor}")).await.problem(400, "cursor_invalid");
    }
    let elsewhere =
        TestApp::spawn_with(engine, &[("APP_SECRET_KEY", "another-secret-of-thirty-two-bytes-or-more")])
            .await;
    elsewhere
        .anonymous()
        .get(format!("/movies?page_size=5&cursor={cursor}"))
        .await
        .problem(400, "cursor_invalid");
    visitor.get(format!("/movies?page_size=5&cursor={cursor}")).await.expect(200);
}

async fn a_cursor_of_another_sort_or_filter_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let drama = movies.genre("Drama").await;
    let visitor = app.anonymous();
    let list = visitor.get("/movies?page_size=3&sort=-year").await.json();
    let cursor = list["next_cursor"].as_str().unwrap();
    for query in [
        "",
        "sort=year",
        "sort=-year,name",
        "sort=-votes",
        "sort=-year&year_min=1950",
        &format!("sort=-year&genre={drama}"),
        "sort=-year&search=the",
        "sort=-year&title=the",
    ] {
        visitor
            .get(format!("/movies?page_size=3&cursor={cursor}&{query}"))
            .await
            .problem(400, "cursor_invalid");
    }
    visitor.get(format!("/movies?page_size=3&cursor={cursor}&sort=-year")).await.expect(200);
}

async fn a_cursor_is_valid_for_any_spelling_of_its_filter(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (drama, crime) = (movies.genre("Drama").await, movies.genre("Crime").await);
    let visitor = app.anonymous();
    for (one, other) in [
        (format!("genre={drama}&genre={crime}"), format!("genre={crime}&genre={drama}&genre={crime}")),
        ("search=the".to_owned(), "search=The+".to_owned()),
        (String::new(), "search=&title=".to_owned()),
    ] {
        let whole = visitor.get(format!("/movies?{one}")).await;
        let first = visitor.get(format!("/movies?page_size=1&{one}")).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let rest = visitor.get(format!("/movies?page_size=100&cursor={cursor}&{other}")).await;
        assert_eq!(names(&rest), names(&whole)[1..], "{other}");
    }
}

async fn a_cursor_may_change_its_page_size(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let whole = names(&visitor.get("/movies?sort=name").await);
    let first = visitor.get("/movies?sort=name&page_size=3").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = visitor.get(format!("/movies?sort=name&page_size=100&cursor={cursor}")).await;
    assert_eq!(names(&rest), whole[3..]);
    assert_eq!(rest.json()["next_cursor"], json!(null));
    // A visitor who signs in after the first page can continue with its cursor.
    let ann = app.user("ann").await;
    assert_eq!(names(&ann.get(format!("/movies?sort=name&cursor={cursor}")).await), whole[3..]);
}

async fn movies_added_during_reading_repeat_and_hide_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import((0..20).map(|n| facts(&format!("Part {:02}", n * 2), 2000)).collect()).await;
    let visitor = app.anonymous();
    let mut seen = Vec::new();
    let mut list = visitor.get("/movies?sort=name&page_size=4").await;
    let mut step = 0;
    loop {
        seen.extend(texts(&list.json(), "name"));
        let Some(cursor) = list.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        // One new movie is before the current position, and one is after it.
        app.import(vec![facts(&format!("A first {step}"), 2000), facts(&format!("Part 9{step}"), 2000)])
            .await;
        step += 1;
        list = visitor.get(format!("/movies?sort=name&page_size=4&cursor={cursor}")).await;
    }
    let distinct: HashSet<_> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "a movie was read twice");
    for n in 0..20 {
        assert!(distinct.contains(&format!("Part {:02}", n * 2)), "Part {:02} was lost", n * 2);
    }
}

async fn a_cursor_survives_the_withdrawal_of_its_movie(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let whole = names(&visitor.get("/movies?sort=name").await);
    let first = visitor.get("/movies?sort=name&page_size=4").await;
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    app.withdraw(&whole[3]).await;
    let rest = visitor.get(format!("/movies?sort=name&cursor={cursor}")).await;
    assert_eq!(names(&rest), whole[4..]);
}

async fn beyond_ten_thousand_the_total_is_an_estimate(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movie = |n: i32| Facts {
        directors: vec![],
        stars: vec![],
        votes: n.into(),
        ..facts(&format!("Part {n}"), 1900 + n % 100)
    };
    app.import_unread((0..10_000).map(movie).collect()).await;
    let visitor = app.anonymous();
    let list = visitor.get("/movies?page_size=100").await.expect(200);
    let body = list.json();
    assert_eq!((&body["total_items"], &body["total_is_estimate"]), (&json!(10_000), &json!(false)));
    assert_eq!(body["total_pages"], 100);
    app.import_unread((10_000..10_020).map(movie).collect()).await;
    let list = visitor.get("/movies?page_size=100").await.expect(200);
    let body = list.json();
    assert_eq!(body["total_is_estimate"], true, "{body}");
    assert!(body["total_items"].as_u64().unwrap() >= 10_000, "{body}");
    let relations: Vec<_> = links(&list).into_iter().map(|(relation, _)| relation).collect();
    assert_eq!(
        relations,
        ["first", "next"],
        "there is no link to the last page when the total is an estimate"
    );
    // The last page that can be requested by its number has a cursor for the next page.
    let deepest = visitor.get("/movies?page=100&page_size=100").await.expect(200);
    let cursor = deepest.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(names(&visitor.get(format!("/movies?page_size=100&cursor={cursor}")).await).len(), 20);
    for (relation, target) in links(&deepest) {
        visitor.get(path_of(&target)).await.expect(200);
        assert_ne!(relation, "last");
    }
    // The total of a filter with fewer matches is exact.
    let some = visitor.get("/movies?year_min=1999&year_max=1999").await.json();
    assert_eq!((&some["total_items"], &some["total_is_estimate"]), (&json!(100), &json!(false)));
}
