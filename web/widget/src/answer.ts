import { effect } from '@preact/signals';
import { isSame } from '@stompline/client';
import { Notices } from '@stompline/ui';
import type { Visit } from './visit.ts';

/** Tells by a sound of answers that come while nobody looks, also of those that came while there was no connection. */
export function tellAnswers(visit: Visit, name: string): Notices {
  const notices = new Notices({
    name,
    isShown: topic => visit.isPanelOpen.peek() && visit.screen.peek() === 'thread' && visit.current.peek()?.id === topic,
  });
  /** How far the conversation was at the last look. What the first look finds was there before. */
  let heard: { id: string; seq: number } | undefined;
  effect(() => {
    void visit.version.value;
    const head = visit.current.value?.head;
    const { me, state } = visit.chat;
    if (head === undefined || me === undefined || state !== 'live') {
      return;
    }
    const isNew = heard?.id === head.id && head.lastSeq > heard.seq;
    heard = { id: head.id, seq: head.lastSeq };
    const last = head.lastMessage;
    if (isNew && last != null && !isSame(last.sender, me)) {
      void notices.tell([{ kind: 'message', topic: head.id, title: last.sender.name, text: last.text }]);
    }
  });
  return notices;
}
