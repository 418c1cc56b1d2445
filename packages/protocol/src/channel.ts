/**
 * The port to whatever carries frames. The real one is a WebSocket over mutual TLS; tests and the simulated world
 * bring their own.
 */
export interface Channel {
  /** Queues one frame. Throws nothing: a channel that cannot send closes itself. */
  send(text: string): void;
  /** One listener; frames that came before it was set are delivered then. */
  onFrame(listener: (text: string) => void): void;
  /** Any number of listeners; one that is set after the end is told at once. */
  onClose(listener: (code: number, reason: string) => void): void;
  close(code: number, reason: string): void;
}
