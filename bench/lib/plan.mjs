// What is run against which server. Labels are those of docs/performance.md.

/** Scenarios that are repeated in rounds: label, arguments, servers that it makes sense for, and servers for which once is enough. */
export function rounds(quick) {
  const s = quick ? '1.5' : '2';
  const whole = quick ? '1' : '2';
  const timing = ['--seconds', s];
  const brokers = ['broker', 'node', 'rabbitmq'];
  // RabbitMQ takes seconds to open a thousand sessions, and these paces are more than it can do.
  return [
    { label: 'flat', args: ['fanout', '--outstanding', '64', ...timing], on: [...brokers, 'serve'] },
    { label: 'flat1', args: ['fanout', '--outstanding', '1', ...timing], on: brokers },
    { label: 'fix20', args: ['fanout', '--rate', '20', ...timing], on: brokers, once: ['rabbitmq'] },
    { label: 'rooms', args: ['rooms', '--rate', '4000', ...timing], on: brokers, once: ['rabbitmq'] },
    { label: 'roomsvisits', args: ['rooms', '--rate', '4000', '--visitors', '4', ...timing], on: ['broker', 'node'] },
    { label: 'roomsflat', args: ['rooms', '--outstanding', '16', ...timing], on: brokers },
    { label: 'p2p', args: ['pairs', '--pairs', '100', '--seconds', whole], on: [...brokers, 'serve'] },
    { label: 'direct', args: ['pairs', '--direct', '--pairs', '100', '--seconds', whole], on: ['direct'] },
    { label: 'p2p1', args: ['pairs', '--pairs', '1', '--seconds', whole], on: [...brokers, 'serve'] },
    { label: 'churn', args: ['churn', '--at-once', '32', '--seconds', whole], on: [...brokers, 'serve'] },
  ];
}

/** Run once and all at the same time, before the rounds: memory is measured in fresh processes, and beats come every 20 s. */
export function first(quick) {
  // RabbitMQ takes 6 ms and 200 KB for each session: fewer are enough.
  const idle = { broker: 10_000, serve: 10_000, node: 10_000, rabbitmq: 1000 };
  const part = quick ? 5 : 1;
  return Object.entries(idle).map(([server, sessions]) => {
    const destination = server === 'serve' ? '/user/queue/messages' : '/topic/load.idle';
    const quiet = ['--quiet-s', '20'];
    return {
      label: 'idle',
      args: ['idle', '--sessions', String(sessions / part), '--connects-per-s', '2000', '--destination', destination, ...quiet],
      on: [server],
    };
  });
}

/** Scenarios that are run once, behind the rounds. */
export function last(quick) {
  const brokers = ['broker', 'node', 'rabbitmq'];
  const slow = ['slow', '--subscribers', '100', '--rate', '100', '--body', '8192', '--seconds', quick ? '5' : '6'];
  const storm = ['storm', '--sessions', quick ? '3000' : '15000', '--destination'];
  const chat = ['--seconds', quick ? '2' : '5'];
  const rooms = ['rooms', '--rooms', '100', '--rate', '1000', '--seconds', quick ? '1.5' : '2', '--transport'];
  return [
    { label: 'slow, none stalled', args: [...slow, '--stalled', '0'], on: brokers },
    { label: 'slow, five stalled', args: [...slow, '--stalled', '5'], on: brokers },
    { label: 'slow, five dozing', args: [...slow, '--stalled', '5', '--doze-s', '1.25'], on: brokers },
    ...['websocket', 'sockjs-websocket', 'xhr-streaming', 'xhr'].map(name => ({ label: `over ${name}`, args: [...rooms, name], on: ['broker'] })),
    { label: 'storm', args: [...storm, '/topic/load.storm'], on: ['broker', 'node'] },
    { label: 'storm', args: [...storm, '/user/queue/messages'], on: ['serve'] },
    { label: 'chat', args: ['chat', '--customers', '50', '--rate', '200', ...chat], on: ['serve'] },
    { label: 'chat-agent', args: ['chat-agent', '--outstanding', '64', ...chat], on: ['serve'] },
  ];
}

/** Without sockets, so that no tool needs a core: messages to single users on so many threads. */
export const flatOn = threads => ['simulate', '--sessions', '10000', '--quiet-s', '0', '--broadcasts', '0', '--flat', '400000', '--threads', String(threads)];

/** One process with in-memory transports and no server. */
export const simulate = quick => ['simulate', ...(quick ? ['--sessions', '100000', '--quiet-s', '5'] : ['--sessions', '1000000', '--quiet-s', '10'])];
