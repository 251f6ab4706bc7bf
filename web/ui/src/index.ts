/** What the two pages share: texts, times, the list of messages, the composer, the look. */
import './style/theme.css';
import './style/base.css';
import './style/messages.css';
import './style/composer.css';

export { Announcer, announceArrivals } from './announcer.tsx';
export { Avatar } from './avatar.tsx';
export { ConnectionBanner } from './banner.tsx';
export { Choice } from './choice.ts';
export { chatSignal } from './chat-signal.ts';
export { Composer } from './composer.tsx';
export { chooseLang, detectLang, LOCALE, type Lang, lang, startLang, type Texts, type Translation, translator } from './i18n.ts';
export { Icon, Mark } from './icon.tsx';
export { LangSwitch } from './lang-switch.tsx';
export { memo } from './memo.tsx';
export { MessageList } from './message-list.tsx';
export { useNow } from './now.ts';
export { clockTime, dayLabel, duration, fullTime, listTime } from './time.ts';
export { type Notice, Notices } from './notices.ts';
export { SwitchButton } from './switch-button.tsx';
export { nameOf, t } from './words.ts';
