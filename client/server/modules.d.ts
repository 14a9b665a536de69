/** What next.mjs uses of Next.js, which is not installed here. */
declare module "next/server" {
  export class NextResponse extends Response {
    static next(init: { request: { headers: Headers } }): NextResponse;
    static redirect(url: URL, status: number): NextResponse;
  }
}
