//! Search: the movies that match, their order, and the vocabulary that corrects misspelled words. Also the filter by
//! title, which matches a part of the title literally, except for case, accents and surplus spaces.

use domain::catalog::{Facts, KnownWord, MovieFilter, MovieIdentity, MovieSort, Search, corrections};

use crate::{
    fixtures::{add_movie, add_movies, facts, set_available, texts, update},
    node::Node,
    paging::{chained, page},
};

crate::cases! { "search":
    a_title_filter_ignores_case_and_accents,
    the_words_of_a_search_match_in_any_order,
    complete_words_are_found_and_the_last_may_be_incomplete,
    titles_with_wildcards_of_the_database_are_matched_literally,
    operators_and_quotes_of_the_database_are_plain_text,
    other_scripts_and_emoji_are_found,
    a_search_for_nothing_finds_nothing,
    a_long_search_is_answered,
    a_repeated_word_finds_the_same_movies_as_one,
    a_changed_movie_is_found_by_its_new_values,
    names_people_and_descriptions_are_searched_together,
    every_spelling_of_a_name_is_found,
    the_best_match_is_first_and_then_the_most_popular,
    the_year_of_a_search_narrows_it,
    a_search_finds_a_movie_as_soon_as_it_is_added,
    unranked_matches_follow_by_popularity,
    a_movie_with_the_complete_name_is_ranked_regardless_of_popularity,
    a_word_is_known_as_soon_as_it_is_indexed,
    the_vocabulary_has_the_words_that_correct_a_misspelled_one,
    a_refresh_removes_words_that_no_longer_occur,
    several_nodes_can_refresh_concurrently,
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

/// The titles of the movies that match the filter, in the order of [`TITLES`].
async fn found(node: &Node, filter: &MovieFilter) -> Vec<&'static str> {
    let page = page(node, filter, &[MovieSort::POPULAR], 1, 100).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    TITLES.into_iter().filter(|title| page.items.iter().any(|movie| movie.name == *title)).collect()
}

async fn by_title(node: &Node, text: &str) -> Vec<&'static str> {
    found(node, &MovieFilter { title: Some(text.to_owned()), ..MovieFilter::default() }).await
}

async fn by_search(node: &Node, text: &str) -> Vec<&'static str> {
    found(node, &MovieFilter { search: Some(Search::parse(text)), ..MovieFilter::default() }).await
}

async fn a_title_filter_ignores_case_and_accents(node: Node) {
    add_titles(&node).await;
    for text in ["Amélie", "amelie", "AMÉLIE", "  ame\u{301}lie "] {
        assert_eq!(by_title(&node, text).await, [TITLES[0], TITLES[1]], "{text}");
    }
    assert_eq!(by_title(&node, "STRASSE").await, ["Die Straße"]);
    assert_eq!(by_title(&node, "two   towers").await, [TITLES[13]]);
    assert!(by_title(&node, "towers two").await.is_empty(), "the order of the words counts");
}

async fn the_words_of_a_search_match_in_any_order(node: Node) {
    add_titles(&node).await;
    for text in ["poulain amelie", "Amélie  FABULEUX", "destin poulain d'amelie le"] {
        assert_eq!(by_search(&node, text).await, [TITLES[0]], "{text}");
    }
    assert_eq!(by_search(&node, "towers LORD two").await, [TITLES[13]]);
    assert!(by_search(&node, "amelie wolf").await.is_empty(), "every word counts");
}

async fn complete_words_are_found_and_the_last_may_be_incomplete(node: Node) {
    add_titles(&node).await;
    assert_eq!(by_search(&node, "schindl").await, ["Schindler's List"]);
    assert!(by_search(&node, "indler").await.is_empty(), "this is not the beginning of a word");
    assert!(by_search(&node, "schindl list").await.is_empty(), "only the last word may be incomplete");
    assert_eq!(by_search(&node, "list schindl").await, ["Schindler's List"]);
    assert_eq!(by_search(&node, "up").await, ["Up"]);
    assert_eq!(by_title(&node, "up").await, ["Up"]);
    assert_eq!(by_title(&node, "indl").await, ["Schindler's List"]);
}

async fn titles_with_wildcards_of_the_database_are_matched_literally(node: Node) {
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
    }
}

async fn operators_and_quotes_of_the_database_are_plain_text(node: Node) {
    add_titles(&node).await;
    assert_eq!(by_title(&node, "'").await, [TITLES[0], "Schindler's List"]);
    for text in [
        "schindler's",
        "\"schindlers\" list",
        "schindlers:list",
        "-schindlers | list*",
        "(schindlers",
        "schindlers\\",
    ] {
        assert_eq!(by_search(&node, text).await, ["Schindler's List"], "{text}");
    }
    assert_eq!(by_search(&node, "\"quoted\" OR not").await, [TITLES[9]]);
    for text in
        ["up OR heat", "up AND NOT heat", "NEAR(up)", "name:up", "up & !heat", "$1 {} ?1", "joined : up"]
    {
        assert!(by_search(&node, text).await.is_empty(), "{text}");
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

async fn a_search_for_nothing_finds_nothing(node: Node) {
    add_titles(&node).await;
    for text in ["", " \t ", "!? …", "%", "''"] {
        assert!(by_search(&node, text).await.is_empty(), "{text}");
        assert!(ranked(&node, text).await.is_empty(), "{text}");
    }
    assert_eq!(by_title(&node, " ").await, TITLES);
}

async fn a_long_search_is_answered(node: Node) {
    add_titles(&node).await;
    let words: Vec<String> = (0..50).map(|number| format!("word{number}")).collect();
    assert!(by_search(&node, &words.join(" ")).await.is_empty());
    assert!(by_title(&node, &"é🎬x ".repeat(50)).await.is_empty());
    assert_eq!(by_search(&node, &"up ".repeat(50)).await, ["Up"]);
}

/// The titles of the movies that a search finds, most relevant first.
async fn ranked(node: &Node, text: &str) -> Vec<String> {
    let filter = MovieFilter { search: Some(Search::parse(text)), ..MovieFilter::default() };
    let page = page(node, &filter, &[MovieSort::RELEVANT], 1, 100).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap(), "{text}");
    page.items.into_iter().map(|movie| movie.name).collect()
}

async fn a_repeated_word_finds_the_same_movies_as_one(node: Node) {
    add_titles(&node).await;
    for (repeated, once) in [
        ("up up", "up "),
        ("amelie amelie", "amelie "),
        ("the the two the the", "the two "),
        ("the two the tow", "the two tow"),
        ("lord towers lord towers lord", "lord towers "),
        ("up amelie up", "up amelie "),
    ] {
        assert_eq!(by_search(&node, repeated).await, by_search(&node, once).await, "{repeated}");
    }
    assert_eq!(by_search(&node, &"the ".repeat(32)).await, by_search(&node, "the the").await);
    assert_eq!(by_search(&node, "the the two the tow").await, [TITLES[13]]);
}

async fn a_changed_movie_is_found_by_its_new_values(node: Node) {
    let mut movie = add_movies(&node, vec![facts("Schindler's Ark")]).await.remove(0);
    TITLES[8].clone_into(&mut movie.identity.name);
    "Of a factory.".clone_into(&mut movie.description);
    movie.star_ids.clear();
    update(&node, &movie).await;
    for (text, expected) in [
        ("list", &[TITLES[8]][..]),
        ("factory", &[TITLES[8]]),
        ("campion", &[TITLES[8]]),
        ("ark", &[]),
        ("hunter", &[]),
    ] {
        assert_eq!(ranked(&node, text).await, texts(expected), "{text}");
    }
    set_available(&node, &movie, false).await;
    assert!(ranked(&node, "list").await.is_empty());
}

async fn names_people_and_descriptions_are_searched_together(node: Node) {
    let movie = |name: &str, star: &str, description: &str| Facts {
        stars: texts(&[star]),
        directors: texts(&["Francis Ford Coppola"]),
        description: description.to_owned(),
        ..facts(name)
    };
    let movies = [
        movie("The Godfather", "Al Pacino", "A family of crime."),
        movie("Pacino: The Story", "Somebody", "About a star."),
        movie("Another", "J.-L. Trintignant", "Pacino is not in it."),
    ];
    add_movies(&node, movies.into()).await;
    for (text, expected) in [
        ("pacino", &["Pacino: The Story", "The Godfather", "Another"][..]),
        ("pacino godfather", &["The Godfather"]),
        ("coppola crime godf", &["The Godfather"]),
        ("trintig", &["Another"]),
        ("jl trintignant", &["Another"]),
        ("pacino trintignant", &["Another"]),
        ("trintignant godfather", &[]),
    ] {
        assert_eq!(ranked(&node, text).await, texts(expected), "{text}");
    }
}

async fn every_spelling_of_a_name_is_found(node: Node) {
    let names = [
        "WALL·E",
        "L.A. Confidential",
        "M*A*S*H",
        "Spider-Man",
        "Ocean's Eleven",
        "8½",
        "Alien³",
        "Fast & Furious",
    ];
    add_movies(&node, names.map(facts).into()).await;
    for (name, spellings) in [
        ("WALL·E", &["wall e", "walle", "wall-e", "WALL•E"][..]),
        ("L.A. Confidential", &["la confidential", "l a confidential", "L.A. conf"]),
        ("M*A*S*H", &["mash", "m a s h", "M.A.S.H."]),
        ("Spider-Man", &["spiderman", "spider man", "spiderm", "spider m"]),
        ("Ocean's Eleven", &["oceans 11", "ocean’s eleven", "ocean xi"]),
        ("8½", &["8 1/2", "8½"]),
        ("Alien³", &["alien 3", "alien3", "alien iii"]),
        ("Fast & Furious", &["fast and furious", "fast&furious"]),
    ] {
        for text in spellings {
            assert_eq!(ranked(&node, text).await, [name], "{text}");
        }
    }
}

async fn the_best_match_is_first_and_then_the_most_popular(node: Node) {
    let votes = |name: &str, votes| Facts { votes, ..facts(name) };
    let all = [
        ("Not Héat", 900),
        ("Heatwave", 100),
        ("Heat 2", 500),
        ("Heat 3", 600),
        ("Dead Heat", 950),
        ("HÉAT", 1),
        ("The Heat", 2),
        ("A Feat", 1000),
        ("Old Heater", 2000),
    ];
    add_movies(&node, all.map(|(name, count)| votes(name, count)).into()).await;
    let expected =
        ["HÉAT", "The Heat", "Heat 3", "Heat 2", "Heatwave", "Dead Heat", "Not Héat", "Old Heater"];
    assert_eq!(ranked(&node, "heat").await, expected);
    let filter = MovieFilter { search: Some(Search::parse("heat")), ..MovieFilter::default() };
    let whole = chained(&node, &filter, &[MovieSort::RELEVANT], 100).await;
    assert_eq!(chained(&node, &filter, &[MovieSort::RELEVANT], 3).await, whole);
}

fn of_year(name: &str, year: i32) -> Facts {
    let identity = MovieIdentity { name: name.to_owned(), year, duration_minutes: 100 };
    Facts { identity, description: format!("A drama of {year}."), ..facts(name) }
}

async fn the_year_of_a_search_narrows_it(node: Node) {
    add_movies(&node, vec![of_year("Dune", 1984), of_year("Dune", 2021), of_year("1984", 1956)]).await;
    let found = async |search: Search| {
        let finds = node.finds_movies(&search).await.unwrap();
        let filter = MovieFilter { search: Some(search), ..MovieFilter::default() };
        let page = page(&node, &filter, &[MovieSort::RELEVANT], 1, 10).await;
        assert_eq!(finds, !page.items.is_empty());
        page.items.into_iter().map(|movie| (movie.name, movie.year)).collect::<Vec<_>>()
    };
    let dune = |year| ("Dune".to_owned(), year);
    assert_eq!(found(Search::parse("dune 2021").narrowed_by_year(1)).await, [dune(2021)]);
    assert_eq!(found(Search::parse("dune 1984").with_years_in_names()).await, []);
    assert_eq!(found(Search::parse("1984").with_years_in_names()).await, [("1984".to_owned(), 1956)]);
    assert_eq!(found(Search::parse("1984").narrowed_by_year(0)).await, [dune(1984)]);
}

async fn a_search_finds_a_movie_as_soon_as_it_is_added(node: Node) {
    let search = Search::parse("solaris");
    add_movies(&node, vec![facts("Stalker")]).await;
    for _ in 0..2 {
        assert!(!node.finds_movies(&search).await.unwrap());
    }
    let other = node.another().await;
    let solaris = add_movie(&other, 2, facts("Solaris")).await;
    for _ in 0..2 {
        assert!(node.finds_movies(&search).await.unwrap());
    }
    set_available(&other, &solaris, false).await;
    assert!(!node.finds_movies(&search).await.unwrap());
}

async fn unranked_matches_follow_by_popularity(node: Node) {
    // If there are many matches, an adapter may rank only the most popular ones. The other matches must follow them,
    // sorted by popularity.
    let all = (0..1_000).map(|number| Facts {
        votes: number * 7 % 1_000,
        identity: MovieIdentity { name: format!("Night {number}"), year: 2000, duration_minutes: 100 },
        ..facts("")
    });
    add_movies(&node, all.collect()).await;
    let filter = MovieFilter { search: Some(Search::parse("night")), ..MovieFilter::default() };
    let whole = chained(&node, &filter, &[MovieSort::RELEVANT], 100).await;
    assert_eq!(whole.len(), 1_000);
    let popular = chained(&node, &filter, &[MovieSort::POPULAR], 100).await;
    assert_eq!(whole, popular, "all movies have the same rank");
    assert_eq!(chained(&node, &filter, &[MovieSort::RELEVANT], 37).await, whole);
    for number in [1, 4, 5, 10] {
        let page = page(&node, &filter, &[MovieSort::RELEVANT], number, 100).await;
        assert_eq!(page.total.unwrap().items, 1_000);
        let start = usize::try_from(number - 1).unwrap() * 100;
        let ids: Vec<_> = page.items.iter().map(|movie| movie.id).collect();
        assert_eq!(ids, whole[start..start + 100]);
    }
}

async fn a_movie_with_the_complete_name_is_ranked_regardless_of_popularity(node: Node) {
    let mut all: Vec<Facts> =
        (0..900).map(|number| Facts { votes: 1_000, ..facts(&format!("Her {number}")) }).collect();
    all.push(Facts { votes: 0, ..facts("Her") });
    add_movies(&node, all).await;
    let filter = MovieFilter { search: Some(Search::parse("her")), ..MovieFilter::default() };
    let page = page(&node, &filter, &[MovieSort::RELEVANT], 1, 5).await;
    assert_eq!(page.items[0].name, "Her");
    assert_eq!(page.total.unwrap().items, 901);
}

async fn a_word_is_known_as_soon_as_it_is_indexed(node: Node) {
    let known = async |text: &str| node.known_terms(&Search::parse(text).terms()).await.unwrap();
    add_movies(&node, vec![facts("The Godfather")]).await;
    assert_eq!(known("godfather").await, [true]);
    assert_eq!(known("thegodfather godf xyzzy campion").await, [true, false, false, true]);
    node.refresh_search_index().await.unwrap();
    assert_eq!(known("godfather godf").await, [true, true]);
    assert_eq!(known("thegodfather godf xyzzy campion").await, [true, false, false, true]);
    assert!(node.known_terms(&[]).await.unwrap().is_empty());
}

async fn corrected(node: &Node, word: &str, is_unfinished: bool) -> Vec<String> {
    let known: Vec<KnownWord> = node.similar_words(word).await.unwrap();
    corrections(word, is_unfinished, &known).into_iter().map(|correction| correction.word).collect()
}

async fn the_vocabulary_has_the_words_that_correct_a_misspelled_one(node: Node) {
    let names = [
        "The Godfather",
        "The Shawshank Redemption",
        "The Matrix",
        "The Matrix Reloaded",
        "Matir",
        "千と千尋",
    ];
    add_movies(&node, names.map(facts).into()).await;
    assert!(node.refresh_search_index().await.unwrap() > 0);
    for misspelled in ["godfahter", "godfathr", "gofdathre", "odfather", "kodfather", "ogdfather"] {
        assert_eq!(corrected(&node, misspelled, false).await, ["godfather"], "{misspelled}");
    }
    assert_eq!(
        corrected(&node, "matirx", false).await,
        ["matrix", "matir"],
        "the more frequent word is first"
    );
    assert_eq!(corrected(&node, "shawhsa", true).await, ["shawshank"]);
    assert_eq!(corrected(&node, "shawhsa", false).await, texts(&[]));
    assert_eq!(corrected(&node, "", false).await, texts(&[]));
    let matrix = node.similar_words("matrix").await.unwrap();
    assert!(matrix.contains(&KnownWord { word: "matrix".to_owned(), movies: 2 }), "{matrix:?}");
}

async fn a_refresh_removes_words_that_no_longer_occur(node: Node) {
    let mut movie = add_movies(&node, vec![facts("Stalker")]).await.remove(0);
    node.refresh_search_index().await.unwrap();
    assert_eq!(node.refresh_search_index().await.unwrap(), 0, "nothing has changed");
    "Solaris".clone_into(&mut movie.identity.name);
    "Of an ocean.".clone_into(&mut movie.description);
    update(&node, &movie).await;
    // This answer may be cached until the vocabulary is refreshed.
    assert_eq!(corrected(&node, "solairs", false).await, texts(&[]));
    node.refresh_search_index().await.unwrap();
    assert_eq!(corrected(&node, "stalkre", false).await, texts(&[]));
    assert_eq!(corrected(&node, "solairs", false).await, ["solaris"]);
}

async fn several_nodes_can_refresh_concurrently(node: Node) {
    add_movies(&node, TITLES.map(facts).into()).await;
    let other = node.another().await;
    let (one, two) = tokio::join!(node.refresh_search_index(), other.refresh_search_index());
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    node.refresh_search_index().await.unwrap();
    assert_eq!(corrected(&node, "schindlesr", false).await, ["schindler", "schindlers"]);
}
