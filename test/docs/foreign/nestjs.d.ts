/** As much of NestJS as docs/migrating.md shows, so that its "before" is compiled without the packages. */
declare module '@nestjs/common' {
  export function Controller(): ClassDecorator;
}

declare module '@nestjs/microservices' {
  import type { Channel, ConsumeMessage } from 'amqplib';

  export function EventPattern(pattern: string): MethodDecorator;
  export function Payload(): ParameterDecorator;
  export function Ctx(): ParameterDecorator;
  export class RmqContext {
    getChannelRef(): Channel;
    getMessage(): ConsumeMessage;
  }
}

declare module '@nestjs/axios' {
  import type { Observable } from 'rxjs';

  export class HttpService {
    post(url: string, body: unknown): Observable<{ readonly data: unknown }>;
  }
}
