import type { Banner, Refusal } from '@stompline/client';
import type { JSX } from 'preact';
import { t } from './words.ts';

interface Props {
  banner: Banner;
  refusal: Refusal | undefined;
  onRetry(): void;
}

/** The state of the connection, in words. Nothing while it is as it should be. */
export function ConnectionBanner({ banner, refusal, onRetry }: Props): JSX.Element {
  const isRetryOffered = banner === 'offline' || (banner === 'refused' && refusal === 'replaced');
  return (
    <div class="banner-place" role="status" data-testid="banner" data-state={banner}>
      {banner !== 'none' && (
        <p class={`banner banner-${banner}`}>
          {banner === 'refused' ? t(`banner.refused.${refusal ?? 'forbidden'}`) : t(`banner.${banner}`)}
          {isRetryOffered && (
            <button type="button" class="text-button" onClick={onRetry} data-testid="banner-retry">
              {banner === 'offline' ? t('banner.retry') : t('banner.refused.retry')}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
