/** The content at the origin is no longer what the Content Information speaks of. Nobody outside a download sees it. */
export class ContentChanged extends Error {}
