const en = {
  team: 'Support',
  open: 'Open the chat',
  close: 'Close the chat',
  failed: 'The chat could not be loaded.',
  retry: 'Try again',
  own: 'Open it in a window of its own',
};

const zh: typeof en = {
  team: '在线客服',
  open: '打开对话',
  close: '关闭对话',
  failed: '对话未能加载。',
  retry: '重试',
  own: '在新窗口打开',
};

export const TEXTS = { en, zh };

/** How many new messages there are, in words. */
export function news(lang: 'en' | 'zh', n: number): string {
  return lang === 'zh' ? `${n} 条新消息` : n === 1 ? '1 new message' : `${n} new messages`;
}
