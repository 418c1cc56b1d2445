/**
 * A TCP proxy in this process that can stop passing what goes one way between two parties, as a network that drops packets
 * does: connections stay open and nothing arrives. Who is who is asked of the caller, per connection.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

export interface Wire {
  /** Who dialled and who was dialled. */
  readonly from: string;
  readonly to: string;
}

export interface ProxyOptions {
  readonly listenPort: number;
  readonly targetPort: number;
  readonly to: string;
  /** Who has opened the connection with this local port. */
  readonly whoDialled: (port: number) => Promise<string>;
  readonly mayPass: (sender: string, receiver: string) => boolean;
}

export class TcpProxy {
  private readonly links = new Set<Link>();

  private constructor(private readonly server: Server) {}

  static async start(options: ProxyOptions): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const proxy = new TcpProxy(server);
    server.on('connection', (dialler) => void proxy.accept(dialler, options));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.listenPort, '127.0.0.1', () => resolve());
    });
    return proxy;
  }

  /** To be called when what may pass has changed: what is held back is let go, or no more is taken. */
  refresh(): void {
    for (const link of this.links) link.refresh();
  }

  async close(): Promise<void> {
    for (const link of this.links) link.end();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async accept(dialler: Socket, options: ProxyOptions): Promise<void> {
    dialler.on('error', () => {});
    const port = dialler.remotePort;
    const from = port === undefined ? 'outside' : await options.whoDialled(port);
    const link = new Link({ from, to: options.to }, dialler, options);
    this.links.add(link);
    dialler.once('close', () => {
      link.end();
      this.links.delete(link);
    });
  }
}

/** One connection: two directions, each open or held. */
class Link {
  private readonly target: Socket;

  constructor(
    private readonly wire: Wire,
    private readonly dialler: Socket,
    private readonly options: ProxyOptions,
  ) {
    this.target = createConnection({ port: options.targetPort, host: '127.0.0.1', allowHalfOpen: true });
    this.target.on('error', () => this.end());
    this.target.once('close', () => this.end());
    this.pump(dialler, this.target);
    this.pump(this.target, dialler);
    this.refresh();
  }

  refresh(): void {
    const { from, to } = this.wire;
    const { mayPass } = this.options;
    for (const [socket, passes] of [
      [this.dialler, mayPass(from, to)],
      [this.target, mayPass(to, from)],
    ] as const) {
      if (passes) socket.resume();
      else socket.pause();
    }
  }

  end(): void {
    this.dialler.destroy();
    this.target.destroy();
  }

  private pump(source: Socket, sink: Socket): void {
    source.on('data', (chunk) => void sink.write(chunk));
    source.on('end', () => void sink.end());
  }
}
