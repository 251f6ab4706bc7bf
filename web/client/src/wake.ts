/** What a page tells about itself and its network. */
export interface PageEvents {
  /** The page is looked at again, or the network came back: a socket that looks open may be long dead. */
  onWake(): void;
  onNetworkLost(): void;
}

/** Listens to the page until the returned function is called. */
export function watchPage({ onWake, onNetworkLost }: PageEvents): () => void {
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') {
      onWake();
    }
  };
  document.addEventListener('visibilitychange', onVisible);
  addEventListener('pageshow', onWake);
  addEventListener('focus', onWake);
  addEventListener('online', onWake);
  addEventListener('offline', onNetworkLost);
  return () => {
    document.removeEventListener('visibilitychange', onVisible);
    removeEventListener('pageshow', onWake);
    removeEventListener('focus', onWake);
    removeEventListener('online', onWake);
    removeEventListener('offline', onNetworkLost);
  };
}
