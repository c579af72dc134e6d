import { connect } from 'node:net';

export type QmpCommand = { readonly execute: string; readonly arguments?: Readonly<Record<string, unknown>> };

/** Sends one command to a QEMU monitor. Throws when the monitor refuses it or is gone. */
export function sendQmp(socketPath: string, command: QmpCommand, timeoutMs = 5000): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let received = '';
    let answers = 0;
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => finish(new Error(`no answer to ${command.execute}`)), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('error', finish);
    socket.on('close', () => finish(new Error(`the monitor closed on ${command.execute}`)));
    socket.on('data', (text: string) => {
      received += text;
      const lines = received.split('\n');
      received = lines.pop() ?? '';
      for (const line of lines) {
        const message = JSON.parse(line) as { QMP?: unknown; return?: unknown; error?: { desc?: string } };
        if (message.QMP !== undefined) {
          socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n${JSON.stringify(command)}\n`);
        } else if (message.error !== undefined) {
          finish(new Error(message.error.desc ?? 'refused'));
        } else if (message.return !== undefined) {
          answers += 1;
          if (answers === 2) finish();
        }
      }
    });
  });
}
