//! One session at a time with an address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

/// How many addresses are remembered before those not in use are forgotten.
const MAX_IDLE: usize = 1024;

/// Whose turn it is, by address.
#[derive(Debug, Default)]
pub struct Turns {
    addresses: Mutex<HashMap<IpAddr, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to hold a session, until it is dropped.
pub type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits, first come first served, until nobody else has the turn for `address`.
    pub async fn take(&self, address: IpAddr) -> Turn {
        self.queue(address).lock_owned().await
    }

    /// Whether somebody waits behind the one who has the turn.
    #[cfg(test)]
    pub fn is_awaited(&self, address: IpAddr) -> bool {
        // The map, this call, the holder.
        Arc::strong_count(&self.queue(address)) > 3
    }

    fn queue(&self, address: IpAddr) -> Arc<tokio::sync::Mutex<()>> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX_IDLE {
            // Whoever has a turn, or waits for one, holds a second reference.
            addresses.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        addresses.entry(address).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::poll;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[tokio::test]
    async fn an_address_has_one_turn_at_a_time() {
        let turns = Turns::default();
        let first = turns.take(address(1)).await;
        let mut second = Box::pin(turns.take(address(1)));
        assert!(poll!(&mut second).is_pending());
        let _other = turns.take(address(2)).await;
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn idle_addresses_are_forgotten_and_turns_are_not() {
        let turns = Turns::default();
        let held = turns.take(address(0)).await;
        for number in 1..5_000 {
            drop(turns.take(address(number)).await);
        }
        assert!(turns.addresses.lock().is_ok_and(|addresses| addresses.len() <= MAX_IDLE));
        assert!(poll!(Box::pin(turns.take(address(0)))).is_pending());
        drop(held);
    }
}
