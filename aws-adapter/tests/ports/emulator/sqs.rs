//! Queues.

use sluice_commands::ports::{Cause, Hint};
use sluice_model::Class;
use std::time::{Duration, Instant};

use crate::harness::ministack::Ministack;
use crate::harness::{aws, target};

#[tokio::test]
async fn a_queue_delivers_each_hint_once() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.queue("wake.fifo");
    let hint = |number: u8, sequence| Hint {
        operation: format!("01JQ000000000000000000000{number}").parse().unwrap(),
        sequence,
        cause: Cause::Released(1),
    };
    let at_once = Duration::ZERO;
    assert_eq!(port.exists(&target()).await, Ok(false));
    let missing = port.send(&target(), &hint(1, 1)).await.unwrap_err();
    assert_eq!((missing.call, missing.class), ("sqs:GetQueueUrl", Class::Absent));
    // Creating it again succeeds: two replicas may be set up at once.
    assert_eq!(port.create(&target()).await, Ok(()));
    assert_eq!(port.create(&target()).await, Ok(()));
    assert_eq!(port.exists(&target()).await, Ok(true));

    assert_eq!(port.receive(&target(), at_once).await, Ok(vec![]));
    for (number, sequence) in [(1, 7), (1, 7), (2, 1), (1, 8)] {
        assert_eq!(port.send(&target(), &hint(number, sequence)).await, Ok(()));
    }
    let mut got = vec![];
    loop {
        let more = port.receive(&target(), at_once).await.expect("hints");
        if more.is_empty() {
            break;
        }
        got.extend(more);
    }
    got.sort();
    let expected = [hint(1, 7), hint(1, 8), hint(2, 1)].map(|hint| hint.operation);
    assert_eq!(got, expected, "equal hints are delivered once");

    let (began, third, here) = (Instant::now(), hint(3, 1), target());
    let (woken, sent) = tokio::join!(port.receive(&here, Duration::from_secs(20)), port.send(&here, &third));
    assert_eq!((sent, woken), (Ok(()), Ok(vec![third.operation])));
    assert!(began.elapsed() < Duration::from_secs(5), "it returns as soon as a message arrives");
}
