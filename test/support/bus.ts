// Buses of the real client to a real broker, embedded or a process, closed when the test ends.

import { type BrokerOptions, createBroker, type ListeningBroker } from "../../broker/index.ts";
import { type Bus, connect, type ConnectOptions } from "../../client/index.ts";

export class Buses implements AsyncDisposable {
  readonly #buses: Bus[] = [];
  broker: ListeningBroker;

  private constructor(broker: ListeningBroker) {
    this.broker = broker;
  }

  static async start(options: BrokerOptions = {}): Promise<Buses> {
    return new Buses(await createBroker({ address: "@", ...options }).listen());
  }

  /** A client of the broker. Events that it was not told to hear of are not printed. */
  async connect(options: ConnectOptions = {}): Promise<Bus> {
    const bus = await connect({ address: this.broker.address, ...options });
    this.#buses.push(bus);
    return bus;
  }

  /** Ends the broker at once, and starts another on its address. */
  async restart(options: BrokerOptions & { awayMs?: number } = {}): Promise<void> {
    const { awayMs = 0, ...others } = options;
    const { address } = this.broker;
    await this.broker.close({ graceMs: 0 });
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    this.broker = await createBroker({ address, wait: true, ...others }).listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()));
    await this.broker.close({ graceMs: 0 });
  }
}

/** Resolves with the next event of that name. */
export function next<Name extends Parameters<Bus["once"]>[0]>(
  bus: Bus,
  name: Name,
): Promise<Parameters<Parameters<typeof bus.once<Name>>[1]>[0]> {
  return new Promise((resolve) => bus.once(name, resolve));
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
