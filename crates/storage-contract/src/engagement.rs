//! Reactions, ratings, favourites and comments, and the counters that are derived from them. A withdrawn movie is no
//! longer on sale.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    accounts::{Actor, Role},
    catalog::{Facts, Movie, MovieFilter, MovieReaction, MovieSort, PersonalView, RatingSummary},
    engagement::{CommentLikes, CommentText, NewComment, ReactionCounts, Score},
    id::{CommentId, MovieId},
    page::PageRequest,
    purchases::Entitlement,
    storage::WholeUnit,
};

use crate::{
    fixtures::{add_movies, add_user, at, facts, id, set_available, update},
    node::{Node, patiently},
    parallel::at_once,
    purchases::{buy, put_entitlement},
};

crate::cases! { "engagement":
    counters_follow_changes_exactly,
    counters_equal_a_recount_after_any_actions,
    of_fifty_concurrent_removals_of_a_like_one_counts,
    concurrent_reactions_of_fifty_users_are_all_counted,
    a_movie_is_locked_until_the_unit_ends,
    a_withdrawn_movie_is_seen_by_its_buyers_and_moderators,
    each_viewer_sees_only_their_own_reaction_rating_and_favorites,
    the_written_comments_are_read_in_pages,
    a_dropped_unit_changes_no_counter,
    erasing_corrects_every_counter,
    concurrent_erasures_of_all_authors_of_a_thread_leave_no_comment,
    a_refresh_updates_the_popularity_after_every_action,
    an_action_during_a_refresh_is_not_lost,
}

fn actor(number: u64) -> Actor {
    Actor { user_id: id(number), session_id: id(number), role: Role::User }
}

#[expect(clippy::unnecessary_wraps, reason = "the result is passed where a score is optional")]
fn score(value: i16) -> Option<Score> {
    Some(Score::try_from(value).unwrap())
}

pub(crate) fn comment(number: u64, movie: u64, thread: Option<u64>, author: u64) -> NewComment {
    NewComment {
        id: id(number),
        movie_id: id(movie),
        thread_id: thread.map(id),
        author: id(author),
        text: format!("Comment {number}").parse::<CommentText>().unwrap(),
        created_at: at(i64::try_from(number).unwrap()),
    }
}

/// Adds the users 1 to `users` and the movies 1 to `movies`.
pub(crate) async fn prepare(node: &Node, users: u64, movies: u64) {
    for number in 1..=users {
        add_user(node, number).await;
    }
    add_movies(node, (1..=movies).map(|number| facts(&format!("Movie {number}"))).collect()).await;
}

/// The counters of a movie as users see them: likes, dislikes, ratings and comments.
async fn counters(node: &Node, movie: u64) -> (i64, i64, RatingSummary, i64) {
    let detail = node.movie_detail(id(movie), None).await.unwrap().unwrap();
    let summary = detail.summary;
    (summary.likes, summary.dislikes, summary.rating, detail.comments_count)
}

async fn react(node: &Node, user: u64, movie: u64, reaction: Option<MovieReaction>) -> ReactionCounts {
    let mut unit = node.unit().await;
    assert!(unit.lock_movie(id(movie), id(user)).await.unwrap());
    let counts = unit.set_reaction(id(user), id(movie), reaction, at(1)).await.unwrap();
    unit.commit().await.unwrap();
    counts
}

async fn counters_follow_changes_exactly(node: Node) {
    prepare(&node, 2, 1).await;
    let counts = |likes, dislikes| ReactionCounts { likes, dislikes };
    let (like, dislike) = (Some(MovieReaction::Like), Some(MovieReaction::Dislike));
    for (user, reaction, expected) in [
        (1, like, counts(1, 0)),
        (1, like, counts(1, 0)),
        (2, like, counts(2, 0)),
        (1, dislike, counts(1, 1)),
        (1, None, counts(1, 0)),
        (1, None, counts(1, 0)),
    ] {
        assert_eq!(react(&node, user, 1, reaction).await, expected);
    }
    let mut unit = node.unit().await;
    assert!(unit.lock_movie(id(1), id(1)).await.unwrap());
    for (user, score, sum, count) in
        [(1, score(9), 9, 1), (1, score(9), 9, 1), (2, score(4), 13, 2), (1, score(1), 5, 2), (1, None, 4, 1)]
    {
        let summary = unit.set_rating(id(user), id(1), score, at(1)).await.unwrap();
        assert_eq!(summary, RatingSummary::of(sum, count));
    }
    unit.commit().await.unwrap();
    assert_eq!(counters(&node, 1).await, (1, 0, RatingSummary::of(4, 1), 0));
}

/// The next number below `below` of a pseudo-random sequence that is the same in each run.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// What the store must contain, as the test has recorded it.
#[derive(Default)]
struct Expected {
    reactions: BTreeMap<(u64, u64), MovieReaction>,
    ratings: BTreeMap<(u64, u64), i16>,
    /// The comments that are not deleted, by number: movie, thread and author.
    comments: BTreeMap<u64, (u64, Option<u64>, u64)>,
    likes: BTreeSet<(u64, u64)>,
}

/// Does a pseudo-random action, and records it in `expected`. A new comment gets `number`. Does nothing if the action
/// needs a comment and the movie has none.
async fn act(unit: &mut dyn WholeUnit, expected: &mut Expected, state: &mut u64, number: u64) {
    let (user, movie) = (1 + draw(state, 4), 1 + draw(state, 2));
    assert!(unit.lock_movie(id(movie), id(user)).await.unwrap());
    match draw(state, 6) {
        0 => {
            let reaction = [Some(MovieReaction::Like), Some(MovieReaction::Dislike), None]
                [usize::try_from(draw(state, 3)).unwrap()];
            unit.set_reaction(id(user), id(movie), reaction, at(1)).await.unwrap();
            expected.reactions.remove(&(user, movie));
            expected.reactions.extend(reaction.map(|reaction| ((user, movie), reaction)));
        }
        1 => {
            let value = i16::try_from(draw(state, 11)).unwrap();
            let new = (value > 0).then_some(value);
            unit.set_rating(id(user), id(movie), new.and_then(score), at(1)).await.unwrap();
            expected.ratings.remove(&(user, movie));
            expected.ratings.extend(new.map(|value| ((user, movie), value)));
        }
        2 | 3 => {
            let threads: Vec<u64> = expected
                .comments
                .iter()
                .filter(|(_, (of, thread, _))| *of == movie && thread.is_none())
                .map(|(id, _)| *id)
                .collect();
            let place = draw(state, u64::try_from(threads.len() + 1).unwrap());
            let thread = threads.get(usize::try_from(place).unwrap()).copied();
            unit.insert_comment(&comment(number, movie, thread, user)).await.unwrap();
            expected.comments.insert(number, (movie, thread, user));
        }
        kind => {
            let of_movie: Vec<u64> =
                expected.comments.iter().filter(|(_, (of, _, _))| *of == movie).map(|(id, _)| *id).collect();
            let Some(count) = u64::try_from(of_movie.len()).ok().filter(|count| *count > 0) else { return };
            let chosen = of_movie[usize::try_from(draw(state, count)).unwrap()];
            let stored = unit.find_comment_for_update(id(chosen)).await.unwrap().unwrap();
            if kind == 4 {
                let is_liked = draw(state, 3) > 0;
                let likes = unit.set_comment_like(id(user), id(chosen), is_liked, at(1)).await.unwrap();
                let was_liked = expected.likes.remove(&(user, chosen));
                expected.likes.extend(is_liked.then_some((user, chosen)));
                let count = expected.likes.iter().filter(|(_, liked)| *liked == chosen).count();
                let count = i64::try_from(count).unwrap();
                assert_eq!(likes, CommentLikes { count, has_changed: was_liked != is_liked });
            } else {
                unit.delete_comment(&stored).await.unwrap();
                expected.comments.remove(&chosen);
                expected.likes.retain(|(_, liked)| *liked != chosen);
            }
        }
    }
}

/// Checks that the stored counters equal the counters that are calculated from `expected`.
async fn recounted(node: &Node, expected: &Expected) {
    for movie in 1..=2 {
        let of = |reaction| {
            let all = expected.reactions.iter().filter(|((_, of), kept)| *of == movie && **kept == reaction);
            i64::try_from(all.count()).unwrap()
        };
        let scores: Vec<i64> = expected
            .ratings
            .iter()
            .filter(|((_, of), _)| *of == movie)
            .map(|(_, score)| i64::from(*score))
            .collect();
        let summary = RatingSummary::of(scores.iter().sum(), i64::try_from(scores.len()).unwrap());
        let comments = expected.comments.values().filter(|(of, _, _)| *of == movie).count();
        let comments = i64::try_from(comments).unwrap();
        let found = counters(node, movie).await;
        assert_eq!(found, (of(MovieReaction::Like), of(MovieReaction::Dislike), summary, comments));
    }
    for (number, (_, thread, _)) in &expected.comments {
        let view = node.comment(id(*number), id(1)).await.unwrap().unwrap();
        let likes = expected.likes.iter().filter(|(_, liked)| liked == number).count();
        let replies = expected.comments.values().filter(|(_, thread, _)| *thread == Some(*number)).count();
        assert_eq!(view.likes, i64::try_from(likes).unwrap());
        assert_eq!(view.replies_count, i64::try_from(replies).unwrap());
        assert_eq!(view.liked_by_me, expected.likes.contains(&(1, *number)));
        assert!(thread.is_none() || view.replies_count == 0);
    }
}

async fn counters_equal_a_recount_after_any_actions(node: Node) {
    prepare(&node, 4, 2).await;
    let (mut expected, mut state) = (Expected::default(), 2026);
    for round in 0..12_u64 {
        let mut unit = node.unit().await;
        for step in 0..25 {
            act(unit.as_mut(), &mut expected, &mut state, 1 + round * 25 + step).await;
        }
        unit.commit().await.unwrap();
        recounted(&node, &expected).await;
    }
    assert!(expected.comments.len() > 10 && expected.reactions.len() > 3 && !expected.likes.is_empty());
}

async fn of_fifty_concurrent_removals_of_a_like_one_counts(node: Node) {
    prepare(&node, 2, 1).await;
    for user in [1, 2] {
        react(&node, user, 1, Some(MovieReaction::Like)).await;
    }
    let counts = at_once(50, |_| {
        let node = node.clone();
        async move { react(&node, 1, 1, None).await.likes }
    })
    .await;
    assert_eq!(counts, vec![1; 50]);
}

async fn concurrent_reactions_of_fifty_users_are_all_counted(node: Node) {
    prepare(&node, 50, 1).await;
    at_once(50, |number| {
        let node = node.clone();
        async move { react(&node, number + 1, 1, Some(MovieReaction::Dislike)).await }
    })
    .await;
    assert_eq!(counters(&node, 1).await.1, 50);
}

async fn a_movie_is_locked_until_the_unit_ends(node: Node) {
    prepare(&node, 2, 1).await;
    let mut first = node.unit().await;
    assert!(first.lock_movie(id(1), id(1)).await.unwrap());
    let waiting = tokio::spawn({
        let node = node.clone();
        async move { react(&node, 2, 1, Some(MovieReaction::Like)).await }
    });
    let counts = first.set_reaction(id(1), id(1), Some(MovieReaction::Like), at(1)).await.unwrap();
    assert_eq!(counts.likes, 1);
    first.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap().likes, 2);
}

async fn a_withdrawn_movie_is_seen_by_its_buyers_and_moderators(node: Node) {
    prepare(&node, 3, 0).await;
    let movie = add_movies(&node, vec![facts("Withdrawn")]).await.remove(0);
    let mut unit = node.unit().await;
    unit.insert_comment(&comment(5, 1, None, 1)).await.unwrap();
    unit.commit().await.unwrap();
    buy(&node, 1, &[1]).await;
    set_available(&node, &movie, false).await;
    let moderator = Actor { role: Role::Moderator, ..actor(3) };
    let mut unit = node.unit().await;
    let mut user = unit.find_user_for_update(id(3)).await.unwrap().unwrap();
    user.role = Role::Moderator;
    unit.update_user(&user).await.unwrap();
    unit.commit().await.unwrap();
    let request = PageRequest::numbered(1, 10).unwrap();
    for (viewer, is_visible) in
        [(Some(actor(1)), true), (Some(actor(2)), false), (Some(moderator), true), (None, false)]
    {
        if let Some(viewer) = &viewer {
            assert_eq!(node.unit().await.lock_movie(movie.id, viewer.user_id).await.unwrap(), is_visible);
        }
        let comments = node.movie_comments(movie.id, &request, viewer.as_ref()).await.unwrap();
        assert_eq!(comments.is_some(), is_visible);
        let replies = node.comment_replies(id(5), &request, viewer.as_ref()).await.unwrap();
        assert_eq!(replies.is_some(), is_visible);
    }
    assert!(!node.unit().await.lock_movie(id(9), moderator.user_id).await.unwrap());
}

async fn each_viewer_sees_only_their_own_reaction_rating_and_favorites(node: Node) {
    prepare(&node, 2, 2).await;
    react(&node, 1, 1, Some(MovieReaction::Dislike)).await;
    let mut unit = node.unit().await;
    assert!(unit.lock_movie(id(2), id(1)).await.unwrap());
    unit.set_rating(id(1), id(2), score(3), at(1)).await.unwrap();
    for second in [1, 2] {
        unit.add_favorite(id(1), id(2), at(second)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let me = |movie: MovieId, viewer: u64| {
        let node = node.clone();
        async move { node.movie_detail(movie, Some(id(viewer))).await.unwrap().unwrap().summary.me.unwrap() }
    };
    let disliked = PersonalView { reaction: Some(MovieReaction::Dislike), ..PersonalView::default() };
    let rated = PersonalView { rating: Some(3), favorite: true, ..PersonalView::default() };
    assert_eq!((me(id(1), 1).await, me(id(2), 1).await), (disliked, rated));
    assert_eq!((me(id(1), 2).await, me(id(2), 2).await), (PersonalView::default(), PersonalView::default()));
    let held = node.personal_data(id(1)).await.unwrap().unwrap().opinions.favorites;
    assert_eq!(
        held.iter().map(|movie| movie.since).collect::<Vec<_>>(),
        [at(1)],
        "the time of the first call is kept"
    );
    let mut unit = node.unit().await;
    for _ in 0..2 {
        unit.remove_favorite(id(1), id(2)).await.unwrap();
    }
    unit.commit().await.unwrap();
    assert!(!me(id(2), 1).await.favorite);
}

async fn the_written_comments_are_read_in_pages(node: Node) {
    prepare(&node, 2, 1).await;
    let mut unit = node.unit().await;
    // Comments 5, 6 and 7 have the same time.
    for number in [7_i64, 3, 1, 6, 5] {
        let written =
            NewComment { created_at: at(number.min(5)), ..comment(number.unsigned_abs(), 1, None, 1) };
        unit.insert_comment(&written).await.unwrap();
    }
    unit.insert_comment(&comment(4, 1, None, 2)).await.unwrap();
    unit.commit().await.unwrap();
    let (mut read, mut behind) = (Vec::new(), None);
    loop {
        let page = node.written_comments(id(1), behind, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        behind = Some((last.created_at, last.id));
        read.extend(page.into_iter().map(|written| (written.id, written.text)));
    }
    let expected = [1, 3, 5, 6, 7].map(|number| (id(number), format!("Comment {number}")));
    assert_eq!(read, expected);
}

async fn a_dropped_unit_changes_no_counter(node: Node) {
    prepare(&node, 1, 1).await;
    let mut unit = node.unit().await;
    assert!(unit.lock_movie(id(1), id(1)).await.unwrap());
    unit.set_reaction(id(1), id(1), Some(MovieReaction::Like), at(1)).await.unwrap();
    unit.insert_comment(&comment(1, 1, None, 1)).await.unwrap();
    drop(unit);
    assert_eq!(counters(&node, 1).await, (0, 0, RatingSummary::of(0, 0), 0));
    assert_eq!(node.comment(id::<domain::id::CommentKind>(1), id(1)).await.unwrap(), None);
}

async fn erase(node: &Node, user: u64) {
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(user)).await.unwrap();
    unit.erase_engagement(id(user)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn erasing_corrects_every_counter(node: Node) {
    prepare(&node, 4, 2).await;
    let (mut expected, mut state) = (Expected::default(), 7);
    let mut unit = node.unit().await;
    for number in 1..=150 {
        act(unit.as_mut(), &mut expected, &mut state, number).await;
    }
    unit.commit().await.unwrap();
    erase(&node, 2).await;
    expected.reactions.retain(|(user, _), _| *user != 2);
    expected.ratings.retain(|(user, _), _| *user != 2);
    let gone: Vec<u64> =
        expected.comments.iter().filter(|(_, (_, _, author))| *author == 2).map(|(id, _)| *id).collect();
    assert!(!gone.is_empty());
    expected.comments.retain(|number, _| !gone.contains(number));
    expected.likes.retain(|(user, liked)| *user != 2 && !gone.contains(liked));
    recounted(&node, &expected).await;
    for number in gone {
        let kept = node.comment(id(number), id(1)).await.unwrap();
        let has_replies = expected.comments.values().any(|(_, thread, _)| *thread == Some(number));
        assert_eq!(kept.is_some(), has_replies);
        assert!(kept.is_none_or(|kept| kept.text.is_none() && kept.author.is_none()));
    }
    let data = node.personal_data(id(2)).await.unwrap().unwrap();
    assert_eq!(data.opinions, domain::accounts::Opinions::default());
    assert_eq!(node.written_comments(id(2), None, 100).await.unwrap(), []);
}

async fn concurrent_erasures_of_all_authors_of_a_thread_leave_no_comment(node: Node) {
    prepare(&node, 2, 1).await;
    let mut unit = node.unit().await;
    for number in 1..=20 {
        let (thread, author) = (1 + number % 2, 1 + number / 2 % 2);
        let thread = (number > 2).then_some(thread);
        unit.insert_comment(&comment(number, 1, thread, author)).await.unwrap();
    }
    unit.commit().await.unwrap();
    at_once(2, |number| {
        let node = node.clone();
        async move { erase(&node, number + 1).await }
    })
    .await;
    assert_eq!(counters(&node, 1).await.3, 0);
    for number in 1..=20 {
        let comment: CommentId = id(number);
        assert_eq!(node.comment(comment, id(1)).await.unwrap(), None);
    }
}

/// The ten most popular movies, the most popular one first.
async fn most_popular(node: &Node) -> Vec<MovieId> {
    let request = PageRequest::numbered(1, 10).unwrap();
    let page = node.movie_page(&MovieFilter::default(), &[MovieSort::POPULAR], &request, None).await.unwrap();
    page.items.into_iter().map(|movie| movie.id).collect()
}

async fn a_refresh_updates_the_popularity_after_every_action(node: Node) {
    for number in 1..=2 {
        add_user(&node, number).await;
    }
    let votes = |name: &str, votes| Facts { votes, ..facts(name) };
    let all = vec![votes("a", 5_000), votes("b", 4_000), votes("c", 3_000)];
    let movies = add_movies(&node, all).await;
    let order = |order: [u64; 3]| order.map(id::<domain::id::MovieKind>).to_vec();
    assert_eq!(node.refresh_popularity(10).await.unwrap(), 0);
    assert_eq!(most_popular(&node).await, order([1, 2, 3]));
    react(&node, 1, 2, Some(MovieReaction::Like)).await;
    react(&node, 2, 2, Some(MovieReaction::Like)).await;
    react(&node, 1, 1, Some(MovieReaction::Dislike)).await;
    buy(&node, 1, &[3]).await;
    assert_eq!(most_popular(&node).await, order([1, 2, 3]));
    assert_eq!(node.refresh_popularity(2).await.unwrap(), 2);
    assert_eq!(node.refresh_popularity(2).await.unwrap(), 1);
    assert_eq!(node.refresh_popularity(2).await.unwrap(), 0);
    // The popularity is the number of votes, plus 1,000 for each like and 3,000 for each purchase. For the movies 1, 2
    // and 3 it is 5,000, 6,000 and 6,000. Of movies with equal popularity, the higher identifier is first.
    assert_eq!(most_popular(&node).await, order([3, 2, 1]));
    let changed = Movie { votes: 6_500, version: 2, ..movies[0].clone() };
    update(&node, &changed).await;
    assert_eq!(
        most_popular(&node).await,
        order([1, 3, 2]),
        "votes count immediately, in addition to the actions"
    );
    erase(&node, 1).await;
    node.refresh_popularity(10).await.unwrap();
    assert_eq!(most_popular(&node).await, order([1, 3, 2]));
    erase(&node, 2).await;
    node.refresh_popularity(10).await.unwrap();
    react(&node, 2, 3, None).await;
    let changed = Movie { votes: 100, version: 2, ..movies[2].clone() };
    update(&node, &changed).await;
    assert_eq!(
        most_popular(&node).await,
        order([1, 2, 3]),
        "movie 2 with 4,000 votes is before movie 3 with 100 votes and a purchase"
    );
    buy(&node, 2, &[2]).await;
    node.refresh_popularity(10).await.unwrap();
    assert_eq!(
        most_popular(&node).await,
        order([2, 1, 3]),
        "movie 2 with a popularity of 7,000 is before movie 1 with 6,500"
    );
    put_entitlement(&node, 2, 2, Entitlement::Revoked, at(9)).await;
    node.refresh_popularity(10).await.unwrap();
    assert_eq!(most_popular(&node).await, order([1, 2, 3]));
}

async fn an_action_during_a_refresh_is_not_lost(node: Node) {
    for number in 1..=20 {
        add_user(&node, number).await;
    }
    let movies = add_movies(&node, vec![facts("Movie 1"), facts("Movie 2")]).await;
    for round in 0..3_u64 {
        let other = node.clone();
        let refreshing = tokio::spawn(async move {
            for _ in 0..10 {
                patiently(|| other.refresh_popularity(10)).await;
            }
        });
        at_once(20, |number| {
            let node = node.clone();
            let reaction = (round != 1).then_some(MovieReaction::Like);
            async move {
                react(&node, number + 1, 1, reaction).await;
                if round == 2 {
                    buy(&node, number + 1, &[1]).await;
                }
            }
        })
        .await;
        refreshing.await.unwrap();
        node.refresh_popularity(10).await.unwrap();
        // Without likes, the popularities are equal, and the higher identifier is first.
        let order = if round == 1 { [2, 1] } else { [1, 2] };
        assert_eq!(most_popular(&node).await, order.map(id::<domain::id::MovieKind>).to_vec());
    }
    // The popularity of movie 1 must contain all 20 likes (1,000 each) and all 20 purchases (3,000 each). To check that
    // exactly, movie 2 first gets one vote less than movie 1's popularity, and then one vote more.
    let expected = movies[0].votes + 80_000;
    for (version, more, order) in [(2, -1, [1, 2]), (3, 1, [2, 1])] {
        update(&node, &Movie { votes: expected + more, version, ..movies[1].clone() }).await;
        assert_eq!(most_popular(&node).await, order.map(id::<domain::id::MovieKind>).to_vec());
    }
}
