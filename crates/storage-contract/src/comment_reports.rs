//! Reports of comments: all reports of a comment form one item, about which a moderator decides.

use domain::{
    engagement::{NewReport, ReportDecision, ReportReason},
    page::PageRequest,
};

use crate::{
    engagement::{comment, prepare},
    fixtures::{at, id},
    node::Node,
    parallel::at_once,
};

crate::cases! { "comment_reports":
    reports_of_one_comment_are_one_item,
    the_most_recently_reported_comment_is_first,
    concurrent_reports_of_one_comment_are_one_item,
    one_of_twenty_concurrent_decisions_about_a_report_counts,
}

/// The report number `number` about comment 5 on movie 1. Only report 1 has a note.
fn report(number: u64, reporter: u64) -> NewReport {
    NewReport {
        id: id(100 + number),
        comment_id: id(5),
        movie_id: id(1),
        reporter: id(reporter),
        reason: ReportReason::Spam,
        note: (number == 1).then(|| "why".to_owned()),
        at: at(i64::try_from(number).unwrap()),
    }
}

/// Stores the users 1 to `users`, and comment 5 by user 1 on movie 1.
async fn commented(node: &Node, users: u64) {
    prepare(node, users, 1).await;
    let mut unit = node.unit().await;
    unit.insert_comment(&comment(5, 1, None, 1)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn the_most_recently_reported_comment_is_first(node: Node) {
    commented(&node, 3).await;
    let mut unit = node.unit().await;
    unit.insert_comment(&comment(6, 1, None, 1)).await.unwrap();
    let of_other = NewReport { comment_id: id(6), ..report(2, 2) };
    for report in [report(1, 2), of_other] {
        unit.report_comment(&report).await.unwrap();
    }
    unit.commit().await.unwrap();
    let first = async || {
        let request = PageRequest::numbered(1, 10).unwrap();
        node.reported_comments(Some(true), &request).await.unwrap().items[0].comment_id
    };
    assert_eq!(first().await, id(6));
    let mut unit = node.unit().await;
    unit.report_comment(&report(3, 3)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(first().await, id(5), "comment 5 was reported last");
}

async fn concurrent_reports_of_one_comment_are_one_item(node: Node) {
    commented(&node, 21).await;
    at_once(20, |number| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            unit.report_comment(&report(number, number + 2)).await.unwrap();
            unit.commit().await.unwrap();
        }
    })
    .await;
    let request = PageRequest::numbered(1, 10).unwrap();
    let open = node.reported_comments(Some(true), &request).await.unwrap().items;
    let counts: Vec<_> = open.iter().map(|item| item.reports.len()).collect();
    assert_eq!(counts, [20]);
}

async fn one_of_twenty_concurrent_decisions_about_a_report_counts(node: Node) {
    commented(&node, 2).await;
    let mut unit = node.unit().await;
    unit.report_comment(&report(1, 2)).await.unwrap();
    unit.commit().await.unwrap();
    let decided = at_once(20, |_| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let item = unit.decide_reports(id(5), ReportDecision::Dismiss, at(9)).await.unwrap();
            unit.commit().await.unwrap();
            item
        }
    })
    .await;
    assert_eq!(decided.into_iter().flatten().collect::<Vec<_>>(), [id(101)]);
}

async fn reports_of_one_comment_are_one_item(node: Node) {
    commented(&node, 3).await;
    let mut unit = node.unit().await;
    for (number, reporter) in [(1, 2), (2, 3), (3, 2)] {
        unit.report_comment(&report(number, reporter)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let request = PageRequest::numbered(1, 10).unwrap();
    let open = node.reported_comments(Some(true), &request).await.unwrap().items;
    assert_eq!(open.len(), 1);
    let made: Vec<_> =
        open[0].reports.iter().map(|report| (report.created_at, report.note.as_deref())).collect();
    assert_eq!((open[0].id, made), (id(101), vec![(at(1), Some("why")), (at(2), None)]));
    let mut unit = node.unit().await;
    assert_eq!(unit.decide_reports(id(5), ReportDecision::Dismiss, at(9)).await.unwrap(), Some(id(101)));
    assert_eq!(unit.decide_reports(id(5), ReportDecision::Remove, at(9)).await.unwrap(), None);
    let decided = unit.find_reported_comment(id(101)).await.unwrap().unwrap();
    assert_eq!(decided.decision, Some(ReportDecision::Dismiss));
    unit.commit().await.unwrap();
    assert_eq!(node.reported_comments(Some(true), &request).await.unwrap().items.len(), 0);
    let resolved = node.reported_comments(Some(false), &request).await.unwrap().items;
    assert_eq!(resolved[0].decision, Some((ReportDecision::Dismiss, at(9))));
    let mut unit = node.unit().await;
    unit.report_comment(&report(10, 2)).await.unwrap();
    assert!(
        unit.find_reported_comment(id(101)).await.unwrap().unwrap().decision.is_some(),
        "a second report by the same user reopens nothing"
    );
    unit.report_comment(&report(11, 1)).await.unwrap();
    assert_eq!(unit.find_reported_comment(id(101)).await.unwrap().unwrap().decision, None);
    unit.drop_open_reports(id(5)).await.unwrap();
    assert_eq!(unit.find_reported_comment(id(101)).await.unwrap(), None);
    unit.commit().await.unwrap();
}
