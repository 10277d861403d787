//! Tests of the indexes that statements use and of the rows that they return, on a database with 10,000 movies.

use domain::{
    accounts::{UserFilter, UserSort, UserSortKey},
    audit::{AuditAction, AuditFilter, LogPlace},
    catalog::{MovieFilter, MovieSort, NameKind, Range, Search},
    id::{CertificationId, DirectorId, GenreId, MovieId, StarId, UserId},
    page::{PageRequest, Position, SortValue},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    index_part::IndexPart,
    plan::{filled, plan},
    queries::{
        audit, audit_seals,
        movie_access::Access,
        movie_filter::{Condition, conditions, conditions_with_words_in},
        movie_page::Order,
        movie_row::ListRow,
        movies::{count_statement, detail_statement, list_statement},
        names, notifications,
        short_lists::short_list_statement,
        users,
    },
};

pub(super) fn sorts(text: &str) -> Vec<MovieSort> {
    text.split(',').map(|sort| sort.parse().unwrap()).collect()
}

fn filters() -> Vec<MovieFilter> {
    let all = MovieFilter::default;
    vec![
        all(),
        MovieFilter { search: Some(Search::parse("night 77")), ..all() },
        MovieFilter { search: Some(Search::parse("movie")), ..all() },
        MovieFilter { search: Some(Search::parse("mov")), ..all() },
        MovieFilter { bought_by: Some(UserId::from_uuid(Uuid::from_u128(3))), ..all() },
        MovieFilter { title: Some("movie 4".into()), ..all() },
        MovieFilter { title: Some("qx".into()), ..all() },
        MovieFilter { genres: vec![GenreId::from_uuid(Uuid::from_u128(1))], ..all() },
        MovieFilter { directors: vec![DirectorId::from_uuid(Uuid::from_u128(1))], ..all() },
        MovieFilter { stars: vec![StarId::from_uuid(Uuid::from_u128(1))], ..all() },
        MovieFilter { year: Range { min: Some(1999), max: Some(1999) }, ..all() },
        MovieFilter { duration: Range { min: Some(100), max: Some(101) }, ..all() },
        MovieFilter { favorites_of: Some(UserId::from_uuid(Uuid::from_u128(3))), ..all() },
        MovieFilter {
            favorites_of: Some(UserId::from_uuid(Uuid::from_u128(3))),
            genres: vec![GenreId::from_uuid(Uuid::from_u128(1))],
            ..all()
        },
    ]
}

/// All ways to find the movies of a list. A walk (a scan in the order of the list) is included only if `can_walk` is
/// true or there are no conditions.
fn accesses(conditions: &[Condition], can_walk: bool) -> Vec<Access> {
    if conditions.is_empty() {
        return vec![Access::Walk { limit: None }];
    }
    let walk = can_walk.then_some(Access::Walk { limit: Some(1_000) });
    walk.into_iter().chain((0..conditions.len()).map(|driver| Access::Lookup { driver })).collect()
}

fn requests(values: Vec<SortValue>, deep: u32) -> Vec<PageRequest> {
    let position = Position { values, id: Uuid::from_u128(7) };
    vec![
        PageRequest::numbered(1, 20).unwrap(),
        PageRequest::numbered(deep, 20).unwrap(),
        PageRequest::after(position, 20).unwrap(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_count_or_detail_reads_the_whole_table_of_movies() {
    let Some((database, _guard)) = filled().await else { return };
    let (real, whole, text) =
        (SortValue::Real(5.0), SortValue::Integer(1999), SortValue::Text("movie 5".into()));
    let orders = [
        ("name", vec![text.clone()]),
        ("-name", vec![text.clone()]),
        ("year", vec![whole.clone()]),
        ("price", vec![whole.clone()]),
        ("-imdb", vec![real.clone()]),
        ("votes", vec![whole.clone()]),
        ("rating", vec![real.clone()]),
        ("-rating", vec![real.clone()]),
        ("-popularity", vec![real.clone()]),
        ("created_at", vec![whole.clone()]),
        ("-year,name", vec![whole.clone(), text]),
        ("relevance", vec![real]),
    ];
    for filter in filters() {
        let conditions = conditions(&filter);
        // With a filter, page 3 is tested instead of page 300. Most filters match too few movies for a page 300, and a
        // page after the last match has to read all matches.
        let deep = if filter == MovieFilter::default() { 300 } else { 3 };
        for (sort, values) in &orders {
            let order = Order::of(&sorts(sort), None);
            for request in requests(values.clone(), deep) {
                let viewer = Some(UserId::from_uuid(Uuid::from_u128(3)));
                for access in accesses(&conditions, true) {
                    let statement =
                        list_statement(&conditions, order.keyset(), &request, viewer, access).unwrap();
                    plan(&database, &statement).await.walks_indexes();
                }
            }
        }
        for access in accesses(&conditions, false) {
            plan(&database, &count_statement(&conditions, access)).await.walks_indexes();
            let order = Order::of(&[MovieSort::POPULAR], None);
            plan(&database, &short_list_statement(&conditions, order.keyset(), access)).await.walks_indexes();
        }
    }
    let mut detail = detail_statement(None);
    detail.sql(" WHERE m.id = ").bind(MovieId::from_uuid(Uuid::from_u128(7)).as_uuid());
    plan(&database, &detail).await.walks_indexes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_the_same_movies_with_the_index_and_by_checking_each_movie() {
    let Some((database, _guard)) = filled().await else { return };
    let texts = ["movie 77", "mov", "m 9", "story", "movie77", "77movie", "777 story", "name:movie"];
    for (text, part) in texts.iter().flat_map(|text| [(*text, IndexPart::All), (*text, IndexPart::Name)]) {
        let filter = MovieFilter { search: Some(Search::parse(text)), ..MovieFilter::default() };
        let conditions = conditions_with_words_in(&filter, part);
        let mut counts = Vec::new();
        for access in [Access::Lookup { driver: 0 }, Access::Walk { limit: Some(100_000) }] {
            let rows: Vec<(i64, i64)> = database.fetch(count_statement(&conditions, access)).await.unwrap();
            counts.push(rows[0].1);
        }
        assert_eq!(counts[0], counts[1], "{text} in {part:?}");
    }
}

#[test]
fn checking_a_movie_does_not_read_the_full_text_index() {
    // To check one movie, SQLite's full-text index (FTS5) would read all movies that contain the word.
    let filter = MovieFilter { search: Some(Search::parse("movie")), ..MovieFilter::default() };
    let statement = count_statement(&conditions(&filter), Access::Walk { limit: Some(1_000) });
    assert!(!statement.shape().contains("movie_words"), "{}", statement.shape());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_one_sort_is_read_in_order_from_the_position_on() {
    let Some((database, _guard)) = filled().await else { return };
    for (sort, value) in [
        ("name", SortValue::Text("movie 5".into())),
        ("-year", SortValue::Integer(1999)),
        ("rating", SortValue::Real(5.0)),
        ("-rating", SortValue::Real(5.0)),
        ("-popularity", SortValue::Real(5.0)),
        ("created_at", SortValue::Integer(1999)),
    ] {
        let order = Order::of(&sorts(sort), None);
        let position = Position { values: vec![value], id: Uuid::from_u128(7) };
        let after = PageRequest::after(position, 20).unwrap();
        let statement =
            list_statement(&[], order.keyset(), &after, None, Access::Walk { limit: None }).unwrap();
        plan(&database, &statement).await.begins_at_the_position();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_genres_walks_the_order_and_checks_the_genres_of_each_movie() {
    let Some((database, _guard)) = filled().await else { return };
    let genres = [1, 2].map(|number| GenreId::from_uuid(Uuid::from_u128(number))).to_vec();
    let filter = MovieFilter { genres, ..MovieFilter::default() };
    let order = Order::of(&[MovieSort::POPULAR], None);
    let walk = Access::Walk { limit: Some(5_000) };
    for request in requests(vec![SortValue::Real(5_000.0)], 3) {
        let statement = list_statement(&conditions(&filter), order.keyset(), &request, None, walk).unwrap();
        plan(&database, &statement).await.walks_the_order_of("movies_by_popularity");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_conditions_are_checked_with_the_filter_bits_of_an_index() {
    let Some((database, _guard)) = filled().await else { return };
    let filter = MovieFilter {
        genres: vec![GenreId::from_uuid(Uuid::from_u128(1))],
        certifications: vec![CertificationId::from_uuid(Uuid::from_u128(1))],
        year: Range { min: Some(1_990), max: Some(1_999) },
        ..MovieFilter::default()
    };
    let conditions = conditions(&filter);
    let order = Order::of(&[MovieSort::POPULAR], None);
    let request = PageRequest::numbered(1, 20).unwrap();
    let walk = [(Access::Walk { limit: Some(5_000) }, "movies_by_popularity")];
    let lookups = (0..).map(|driver| Access::Lookup { driver });
    let lookups = lookups.zip(["movies_by_year", "movies_certification_id"]);
    for (access, index) in walk.into_iter().chain(lookups) {
        let statement = list_statement(&conditions, order.keyset(), &request, None, access).unwrap();
        assert!(statement.shape().contains("filter_bits"), "{index}");
        plan(&database, &statement).await.reads_only_the_index(index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_favorites_reads_only_their_movies() {
    let Some((database, _guard)) = filled().await else { return };
    let user = Some(UserId::from_uuid(Uuid::from_u128(3)));
    for filter in filters() {
        let filter = MovieFilter { favorites_of: user, ..filter };
        let conditions = conditions(&filter);
        let has_priority = |one: &Condition| {
            matches!(
                one,
                Condition::Bought(_) | Condition::Ids(_) | Condition::Unique { .. } | Condition::Withdrawn
            )
        };
        if conditions.iter().any(has_priority) {
            continue;
        }
        let driver = conditions.iter().position(|one| matches!(one, Condition::Favorite(_))).unwrap();
        assert_eq!(database.access(&conditions, 21).await.unwrap(), Access::Lookup { driver });
        for (sort, value) in [
            (MovieSort::LATEST_FAVORITE, SortValue::Integer(1999)),
            (MovieSort::POPULAR, SortValue::Real(5.0)),
        ] {
            let order = Order::of(&[sort], filter.favorites_of);
            for request in requests(vec![value], 3) {
                let access = Access::Lookup { driver };
                let statement = list_statement(&conditions, order.keyset(), &request, user, access).unwrap();
                plan(&database, &statement).await.walks_indexes();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_access_reads_the_same_movies_in_the_same_order() {
    let Some((database, _guard)) = filled().await else { return };
    let mut filters = filters();
    filters.push(MovieFilter {
        genres: vec![GenreId::from_uuid(Uuid::from_u128(1)), GenreId::from_uuid(Uuid::from_u128(2))],
        certifications: vec![CertificationId::from_uuid(Uuid::from_u128(1))],
        year: Range { min: Some(1_960), max: None },
        imdb: Range { min: Some(3.0), max: Some(8.0) },
        title: Some("7".into()),
        ..MovieFilter::default()
    });
    let mut found = 0;
    for filter in filters.into_iter().skip(1) {
        let conditions = conditions(&filter);
        for (sort, value) in [
            ("name", SortValue::Text("movie 5".into())),
            ("-year", SortValue::Integer(2_000)),
            ("rating", SortValue::Real(3.0)),
            ("-popularity", SortValue::Real(5_000.0)),
        ] {
            let order = Order::of(&sorts(sort), None);
            for request in requests(vec![value.clone()], 2) {
                let mut lists = Vec::new();
                let walk = Access::Walk { limit: Some(20_000) };
                for access in accesses(&conditions, false).into_iter().chain([walk]) {
                    let statement =
                        list_statement(&conditions, order.keyset(), &request, None, access).unwrap();
                    let rows: Vec<ListRow> = database.fetch(statement).await.unwrap();
                    lists.push(rows.into_iter().map(|(row, _)| row.id).collect::<Vec<_>>());
                }
                assert!(lists.windows(2).all(|pair| pair[0] == pair[1]), "{filter:?} {sort} {request:?}");
                found += lists[0].len();
            }
        }
    }
    assert!(found > 500, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_users_is_read_in_order_from_the_position_on() {
    let Some((database, _guard)) = filled().await else { return };
    for descending in [false, true] {
        for (key, value) in [
            (UserSortKey::CreatedAt, SortValue::Integer(1_999)),
            (UserSortKey::Email, SortValue::Text("user5".into())),
        ] {
            let list = users::list(&UserFilter::default(), &[UserSort { key, descending }]);
            let position = Position { values: vec![value], id: Uuid::from_u128(7) };
            let after = PageRequest::after(position, 20).unwrap();
            let statement = list.statement::<users::UserTypes>(&after).unwrap();
            plan(&database, &statement).await.begins_at_the_position();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_people_count_movies_with_indexes() {
    let Some((database, _guard)) = filled().await else { return };
    let position = Position { values: vec![SortValue::Text("person 5".into())], id: Uuid::from_u128(7) };
    for kind in [NameKind::Star, NameKind::Director] {
        for words in [vec![], vec!["son".to_owned()]] {
            for start in [PageRequest::numbered(1, 20), PageRequest::after(position.clone(), 20)] {
                let list = names::people(kind, &words);
                let statement = names::people_statement(kind, &list, &start.unwrap()).unwrap();
                plan(&database, &statement).await.walks_indexes();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_of_the_audit_log_reads_an_index_from_the_position_on() {
    let Some((database, _guard)) = filled().await else { return };
    let all = AuditFilter::default;
    let id = Uuid::from_u128(7);
    // The position is newer than every row, so that all rows follow the position. If no rows followed it, any index
    // would be equally good.
    let year_2100 = SortValue::Integer(4_102_444_800_000_000);
    for (filter, index) in [
        (all(), "audit_log_created_at"),
        (AuditFilter { actor: Some(UserId::from_uuid(id)), ..all() }, "audit_log_actor_id"),
        (AuditFilter { object: Some(id), ..all() }, "audit_log_object_id"),
        (AuditFilter { action: Some(AuditAction::SignedIn), ..all() }, "audit_log_action"),
    ] {
        let list = audit::list(&filter);
        for request in requests(vec![year_2100.clone()], 2).drain(..) {
            let statement = list.statement::<audit::RecordTypes>(&request).unwrap();
            plan(&database, &statement).await.walks_the_index(index);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_notifications_is_read_in_order_from_the_position_on() {
    let Some((database, _guard)) = filled().await else { return };
    let user = UserId::from_uuid(Uuid::from_u128(3));
    for (unread_only, index) in [(false, "notifications_by_position"), (true, "notifications_unread")] {
        let list = notifications::list(user, unread_only);
        for request in requests(vec![SortValue::Integer(5_000)], 3) {
            let statement = list.statement::<notifications::NotificationTypes>(&request).unwrap();
            plan(&database, &statement).await.walks_the_table_by("notifications", index);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_audit_log_is_read_from_its_beginning_in_order() {
    let Some((database, _guard)) = filled().await else { return };
    let place =
        |seconds| LogPlace { at: Instant::from_timestamp(seconds, 0).unwrap(), id: Uuid::from_u128(7) };
    // The part ends in 2100, after all rows: their times are near the current time on PostgreSQL, and in 1970 on
    // SQLite.
    for after in [None, Some(place(1))] {
        let statement = audit_seals::part(after, place(4_102_444_800), 1_000);
        plan(&database, &statement).await.walks_the_index("audit_log_created_at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_common_title_is_not_looked_up_if_another_condition_is_met_by_fewer_movies() {
    let Some((database, _guard)) = filled().await else { return };
    let years = Range { min: Some(1950), max: Some(1995) };
    let of = |title: &str| MovieFilter { title: Some(title.into()), year: years, ..MovieFilter::default() };
    // All titles contain "e", and about 6,000 of the movies are of these years.
    let common = conditions(&of("e"));
    let year = common.iter().position(|condition| matches!(condition, Condition::Between { .. })).unwrap();
    assert_eq!(database.cheapest_lookup(&common).await.unwrap(), Access::Lookup { driver: year });
    let rare = conditions(&of("qx"));
    let title = rare.iter().position(|condition| matches!(condition, Condition::Title(_))).unwrap();
    assert_eq!(database.cheapest_lookup(&rare).await.unwrap(), Access::Lookup { driver: title });
}
