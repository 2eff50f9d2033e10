import { Component, type ComponentChildren } from "preact";
import { Empty } from "./empty";

/** Shows what failed in place of what failed; the rest of the page stays. */
export class Safe extends Component<{ children: ComponentChildren }, { error: string }> {
  override state = { error: "" };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ error: error instanceof Error ? error.message : String(error) });
  }

  override render() {
    const { error } = this.state;
    return error ? <Empty>This part failed: {error}</Empty> : this.props.children;
  }
}
