import { Component, type ComponentChild, type FunctionComponent } from 'preact';

/** A component that is drawn again only when one of its properties is another one. */
export function memo<Props extends object>(Inner: FunctionComponent<Props>) {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const { props } = this;
      return (Object.keys(next) as Array<keyof Props>).some(key => !Object.is(next[key], props[key as keyof typeof props]));
    }

    override render(): ComponentChild {
      return <Inner {...(this.props as Props)} />;
    }
  };
}
