//! What a test puts between a laptop and its centre in this process, and how it lends the vault.

use gladstone_sync::flights::Lend;
use gladstone_vault::Vault;

/// Lends a vault that is never locked.
pub fn lend(vault: &Vault) -> Box<Lend<'_>> {
    lend_while(vault, || true)
}

/// Lends a vault as long as it is open.
pub fn lend_while<'v>(vault: &'v Vault, is_open: impl Fn() -> bool + 'v) -> Box<Lend<'v>> {
    Box::new(move |f| {
        let open = is_open();
        if open {
            f(vault);
        }
        open
    })
}

/// Makes what answers pushes and pulls a centre for laptops: there is nothing to sign in to, and nobody waits.
/// In braces: what else of it differs.
macro_rules! at_hand {
    ($network:ty $({ $($differs:tt)* })?) => {
        impl gladstone_sync::Remote for $network {
            fn sign_in(&self, _: uuid::Uuid, _: gladstone_sync::remote::Sign<'_>) -> Result<(), gladstone_protocol::ApiError> {
                Ok(())
            }

            fn wait(&self, beyond: u64) -> Result<u64, gladstone_protocol::ApiError> {
                Ok(beyond)
            }

            $($($differs)*)?
        }
    };
}

/// Answers pushes and pulls as the `centre` of this network does.
macro_rules! passes_on {
    ($network:ty) => {
        impl gladstone_protocol::SyncApi for $network {
            fn push(&self, request: &gladstone_protocol::wire::PushRequest) -> Result<gladstone_protocol::wire::PushAnswer, gladstone_protocol::ApiError> {
                self.centre.push(request)
            }

            fn pull(&self, request: &gladstone_protocol::wire::PullRequest) -> Result<gladstone_protocol::wire::PullAnswer, gladstone_protocol::ApiError> {
                self.centre.pull(request)
            }
        }
    };
}

pub(crate) use {at_hand, passes_on};
