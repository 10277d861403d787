//! Search by title: text is text, however it is written and whatever it looks like.

use domain::catalog::{MovieFilter, MovieSort};

use crate::{
    fixtures::{add_movies, facts, set_available, update},
    node::Node,
    paging::page,
};

crate::cases! { "search":
    a_title_stands_in_the_name_but_for_case_and_accents,
    the_words_of_a_search_stand_in_any_order,
    parts_of_words_and_short_words_are_found,
    wildcards_of_the_database_are_plain_characters,
    operators_and_quotes_are_plain_text,
    other_scripts_and_emoji_are_found,
    blank_text_narrows_nothing,
    a_long_search_is_answered,
    a_changed_title_is_found_by_the_new_one_alone,
    exact_titles_come_before_beginnings_and_those_before_parts,
}

const TITLES: [&str; 14] = [
    "Le Fabuleux Destin d'Amélie Poulain",
    "AMELIE",
    "Die Straße",
    "100% Wolf",
    "100 Wolves",
    "A_B",
    "AxB",
    "Back\\slash",
    "Schindler's List",
    "\"Quoted\" OR NOT",
    "千と千尋の神隠し",
    "The 🎬 Movie",
    "Up",
    "The Lord of the Rings: The Two Towers",
];

async fn add_titles(node: &Node) {
    add_movies(node, TITLES.map(facts).into()).await;
}

/// The titles that the filter lets through, in the order of [`TITLES`].
async fn found(node: &Node, filter: &MovieFilter) -> Vec<&'static str> {
    let page = page(node, filter, &[MovieSort::POPULAR], 1, 100).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    TITLES.into_iter().filter(|title| page.items.iter().any(|movie| movie.name == *title)).collect()
}

async fn by_title(node: &Node, text: &str) -> Vec<&'static str> {
    found(node, &MovieFilter { title: Some(text.to_owned()), ..MovieFilter::default() }).await
}

async fn by_search(node: &Node, text: &str) -> Vec<&'static str> {
    found(node, &MovieFilter { search: Some(text.to_owned()), ..MovieFilter::default() }).await
}

async fn a_title_stands_in_the_name_but_for_case_and_accents(node: Node) {
    add_titles(&node).await;
    for text in ["Amélie", "amelie", "AMÉLIE", "  ame\u{301}lie "] {
        assert_eq!(by_title(&node, text).await, [TITLES[0], TITLES[1]], "{text}");
    }
    assert_eq!(by_title(&node, "STRASSE").await, ["Die Straße"]);
    assert_eq!(by_title(&node, "two   towers").await, [TITLES[13]]);
    assert!(by_title(&node, "towers two").await.is_empty(), "as it is");
}

async fn the_words_of_a_search_stand_in_any_order(node: Node) {
    add_titles(&node).await;
    for text in ["poulain amelie", "Amélie  FABULEUX", "destin poulain d'amelie le"] {
        assert_eq!(by_search(&node, text).await, [TITLES[0]], "{text}");
    }
    assert_eq!(by_search(&node, "towers LORD two").await, [TITLES[13]]);
    assert!(by_search(&node, "amelie wolf").await.is_empty(), "every word counts");
}

async fn parts_of_words_and_short_words_are_found(node: Node) {
    add_titles(&node).await;
    assert_eq!(by_search(&node, "indl").await, ["Schindler's List"]);
    assert_eq!(by_search(&node, "up").await, ["Up"]);
    assert_eq!(by_search(&node, "u").await, [TITLES[0], TITLES[9], "Up"]);
    assert_eq!(by_title(&node, "up").await, ["Up"]);
    assert_eq!(by_search(&node, "wo ow").await, [TITLES[13]]);
}

async fn wildcards_of_the_database_are_plain_characters(node: Node) {
    add_titles(&node).await;
    for (text, expected) in [
        ("%", &["100% Wolf"][..]),
        ("0%", &["100% Wolf"]),
        ("_", &["A_B"]),
        ("a_b", &["A_B"]),
        ("\\", &["Back\\slash"]),
        ("k\\s", &["Back\\slash"]),
        ("\\%", &[]),
        ("\\_", &[]),
        ("*", &[]),
        ("?", &[]),
        ("[a-z]", &[]),
        ("1__", &[]),
    ] {
        assert_eq!(by_title(&node, text).await, expected, "title {text}");
        assert_eq!(by_search(&node, text).await, expected, "search {text}");
    }
}

async fn operators_and_quotes_are_plain_text(node: Node) {
    add_titles(&node).await;
    assert_eq!(by_search(&node, "schindler's").await, ["Schindler's List"]);
    assert_eq!(by_title(&node, "'").await, [TITLES[0], "Schindler's List"]);
    assert_eq!(by_search(&node, "\"quoted\" not").await, [TITLES[9]]);
    assert_eq!(by_search(&node, "\"").await, [TITLES[9]]);
    for text in [
        "up OR heat",
        "-up",
        "up AND NOT heat",
        "NEAR(up)",
        "up*",
        "(up",
        "name:up",
        "up & !heat",
        "$1 {} ?1",
    ] {
        assert!(by_search(&node, text).await.is_empty(), "{text}");
        assert!(by_title(&node, text).await.is_empty(), "{text}");
    }
}

async fn other_scripts_and_emoji_are_found(node: Node) {
    add_titles(&node).await;
    assert_eq!(by_search(&node, "神隠し").await, [TITLES[10]]);
    assert_eq!(by_search(&node, "千尋").await, [TITLES[10]]);
    assert_eq!(by_title(&node, "🎬").await, ["The 🎬 Movie"]);
    assert_eq!(by_search(&node, "movie 🎬").await, ["The 🎬 Movie"]);
    assert!(by_search(&node, "🎥").await.is_empty());
}

async fn blank_text_narrows_nothing(node: Node) {
    add_titles(&node).await;
    assert_eq!(by_search(&node, " \t ").await, TITLES);
    assert_eq!(by_title(&node, " ").await, TITLES);
}

async fn a_long_search_is_answered(node: Node) {
    add_titles(&node).await;
    let words: Vec<String> = (0..50).map(|number| format!("word{number}")).collect();
    assert!(by_search(&node, &words.join(" ")).await.is_empty());
    assert!(by_title(&node, &"é🎬x ".repeat(50)).await.is_empty());
    assert_eq!(by_search(&node, &"up ".repeat(50)).await, ["Up"]);
}

async fn a_changed_title_is_found_by_the_new_one_alone(node: Node) {
    let mut movie = add_movies(&node, vec![facts("Schindler's Ark")]).await.remove(0);
    TITLES[8].clone_into(&mut movie.identity.name);
    update(&node, &movie).await;
    assert_eq!(by_search(&node, "list").await, [TITLES[8]]);
    assert!(by_search(&node, "ark").await.is_empty());
    set_available(&node, &movie, false).await;
    assert!(by_search(&node, "list").await.is_empty());
}

async fn exact_titles_come_before_beginnings_and_those_before_parts(node: Node) {
    let votes = |name: &str, votes| domain::catalog::Facts { votes, ..facts(name) };
    let all = [
        ("Not Héat", 900),
        ("Heatwave", 100),
        ("Heat 2", 500),
        ("Dead Heat", 950),
        ("HÉAT", 1),
        ("A Feat", 1000),
    ];
    add_movies(&node, all.map(|(name, count)| votes(name, count)).into()).await;
    let filter = MovieFilter { search: Some("heat".to_owned()), ..MovieFilter::default() };
    let page = page(&node, &filter, &[MovieSort::RELEVANT], 1, 10).await;
    let names: Vec<&str> = page.items.iter().map(|movie| movie.name.as_str()).collect();
    assert_eq!(names, ["HÉAT", "Heat 2", "Heatwave", "Dead Heat", "Not Héat"]);
}
