import { type Texts, type Translation, translator } from '@stompline/ui';

export const en = {
  'title': 'Stompline demonstration',
  'tag': 'Demonstration',
  'tagText': 'Everybody who can open this page can read and write here.',
  'head': 'Two people, one line.',
  'text': 'Write as a visitor, take it at the desk, and answer. Reload a page or stop the server in between: nothing is lost and nothing comes twice.',
  'visitor': 'Visitor',
  'visitor.text': 'The chat on your site',
  'agent': 'Agent',
  'agent.text': 'The desk of your team',
  'open': 'Open in its own window',
  'second': 'Open a second agent',
} as const satisfies Texts;

export const zh: Translation<typeof en> = {
  'title': 'Stompline 演示',
  'tag': '演示环境',
  'tagText': '能打开此页面的人都可以在这里读写消息。',
  'head': '两个人，一条线。',
  'text': '以访客身份发消息，在工作台接入并回复。中途刷新页面或重启服务器，消息不丢失、不重复。',
  'visitor': '访客',
  'visitor.text': '您网站上的对话窗口',
  'agent': '客服',
  'agent.text': '您团队的工作台',
  'open': '在新窗口打开',
  'second': '打开第二个客服',
};

export const l = translator({ en, zh });
