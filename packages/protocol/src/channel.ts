/**
 * The port to whatever carries frames. The real one is a WebSocket over mutual TLS; tests and the simulated world
 * bring their own.
 */
export interface Channel {
  /** Queues one frame. Throws nothing: a channel that cannot send closes itself. */
  send(text: string): void;
  /** At most one listener each; frames that came before it was set are delivered then. */
  onFrame(listener: (text: string) => void): void;
  onClose(listener: (code: number, reason: string) => void): void;
  close(code: number, reason: string): void;
}
