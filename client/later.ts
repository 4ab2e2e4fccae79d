// A promise with its ends in hand, for those who wait together. One that nobody awaits may reject without ending the process: who
// awaits it hears of it all the same.

export class Later<T = void> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}
