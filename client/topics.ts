// The types behind `connect<Topics>()`: which payload a topic or a pattern carries. Types only; nothing of it exists at run time.

/** What a payload is where no topics are declared: anything, as with JSON.parse. */
export type Untyped = ReturnType<typeof JSON.parse>;

/** Any topic, any payload. */
export type AnyTopics = Record<string, Untyped>;

declare const CALL: unique symbol;

/** Declares a topic that is called: `"math.add": Call<{ a: number; b: number }, number>`. */
export interface Call<Request, Response> {
  readonly [CALL]: [Request, Response];
}

/** Whether `A` and `B`, topics or patterns, have a topic in common (as far as a pattern's own tokens tell). */
type Overlap<A extends string, B extends string> = A extends B
  ? true
  : A extends ">"
    ? true
    : B extends ">"
      ? true
      : A extends `${infer HeadA}.${infer TailA}`
        ? B extends `${infer HeadB}.${infer TailB}`
          ? SameToken<HeadA, HeadB> extends true
            ? Overlap<TailA, TailB>
            : false
          : false
        : B extends `${string}.${string}`
          ? false
          : SameToken<A, B>;

type SameToken<A extends string, B extends string> = A extends "*"
  ? true
  : B extends "*"
    ? true
    : A extends B
      ? true
      : false;

/** The declarations that `Subject` touches. A declared topic may itself be a pattern. */
type Declared<Topics, Subject extends string> = {
  [Name in keyof Topics & string]: Overlap<Name, Subject> extends true ? Topics[Name] : never;
}[keyof Topics & string];

type Payload<Declaration> = Declaration extends Call<infer Request, unknown> ? Request : Declaration;
type Answer<Declaration> = Declaration extends Call<unknown, infer Response> ? Response : unknown;

/** What may be published to a topic, or sent in a request: `never` for one that is not declared. */
export type Outgoing<Topics, Subject extends string> = string extends keyof Topics
  ? Topics[keyof Topics]
  : string extends Subject
    ? Payload<Topics[keyof Topics]>
    : Payload<Declared<Topics, Subject>>;

/** What a subscription to a topic or pattern receives: `unknown` where nothing declared matches. */
export type Incoming<Topics, Subject extends string> = string extends keyof Topics
  ? Topics[keyof Topics]
  : string extends Subject
    ? unknown
    : [Declared<Topics, Subject>] extends [never]
      ? unknown
      : Payload<Declared<Topics, Subject>>;

/** What a request to a topic is answered with. */
export type Response<Topics, Subject extends string> = string extends keyof Topics
  ? Topics[keyof Topics]
  : string extends Subject
    ? unknown
    : Answer<Declared<Topics, Subject>>;
