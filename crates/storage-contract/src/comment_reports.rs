//! Reports of comments: all reports of one comment are one item, which a moderator decides about.

use domain::{
    engagement::{NewReport, ReportDecision, ReportReason},
    page::PageRequest,
};

use crate::{
    engagement::{comment, prepare},
    fixtures::{at, id},
    node::Node,
};

crate::cases! { "comment_reports":
    reports_of_one_comment_are_one_item,
}

async fn reports_of_one_comment_are_one_item(node: Node) {
    prepare(&node, 3, 1).await;
    let mut unit = node.unit().await;
    unit.insert_comment(&comment(5, 1, None, 1)).await.unwrap();
    let new = |number: u64, reporter: u64| NewReport {
        id: id(100 + number),
        comment_id: id(5),
        movie_id: id(1),
        reporter: id(reporter),
        reason: ReportReason::Spam,
        note: (number == 1).then(|| "why".to_owned()),
        at: at(i64::try_from(number).unwrap()),
    };
    for (number, reporter) in [(1, 2), (2, 3), (3, 2)] {
        unit.report_comment(&new(number, reporter)).await.unwrap();
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
    unit.report_comment(&new(10, 2)).await.unwrap();
    assert!(
        unit.find_reported_comment(id(101)).await.unwrap().unwrap().decision.is_some(),
        "it is already known"
    );
    unit.report_comment(&new(11, 1)).await.unwrap();
    assert_eq!(unit.find_reported_comment(id(101)).await.unwrap().unwrap().decision, None);
    unit.drop_open_reports(id(5)).await.unwrap();
    assert_eq!(unit.find_reported_comment(id(101)).await.unwrap(), None);
    unit.commit().await.unwrap();
}
