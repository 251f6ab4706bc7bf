//! Functions that answer frames sent to `/app`.

use crate::{
    extract::{FromMessage, FromParts, Inbound},
    rejection::Rejection,
};

/// An async function whose arguments are made from a frame, as in axum. Up to eight arguments; the last may take the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler is an `async fn` whose arguments implement `FromParts`, the last one `FromParts` or `FromMessage`"
)]
pub trait Handler<Arguments, S>: Clone + Send + Sync + 'static {
    /// What the function returns.
    type Output: Send;

    /// Makes the arguments and calls the function.
    fn call(
        self,
        inbound: Inbound,
        state: S,
    ) -> impl Future<Output = Result<Self::Output, Rejection>> + Send;
}

impl<F, Fut, S> Handler<((),), S> for F
where
    F: FnOnce() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: Send> + Send,
    S: Send,
{
    type Output = Fut::Output;

    async fn call(self, _inbound: Inbound, _state: S) -> Result<Self::Output, Rejection> {
        Ok(self().await)
    }
}

macro_rules! handler {
    ($($argument:ident)*; $last:ident) => {
        #[allow(non_snake_case, unused_mut, reason = "arguments are named by their types")]
        impl<F, Fut, S, M, $($argument,)* $last> Handler<(M, $($argument,)* $last,), S> for F
        where
            F: FnOnce($($argument,)* $last,) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: Send> + Send,
            S: Send + Sync,
            $($argument: FromParts<S> + Send,)*
            $last: FromMessage<S, M> + Send,
        {
            type Output = Fut::Output;

            async fn call(self, mut inbound: Inbound, state: S) -> Result<Self::Output, Rejection> {
                $(let $argument = $argument::from_parts(&mut inbound.parts, &state)
                    .await
                    .map_err(Into::into)?;)*
                let $last = $last::from_message(inbound, &state).await.map_err(Into::into)?;
                Ok(self($($argument,)* $last,).await)
            }
        }
    };
}

handler!(; T1);
handler!(T1; T2);
handler!(T1 T2; T3);
handler!(T1 T2 T3; T4);
handler!(T1 T2 T3 T4; T5);
handler!(T1 T2 T3 T4 T5; T6);
handler!(T1 T2 T3 T4 T5 T6; T7);
handler!(T1 T2 T3 T4 T5 T6 T7; T8);
