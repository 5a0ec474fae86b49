defmodule GameBox.Distribution do
  @moduledoc """
  Makes this virtual machine a node that others can reach, if it was given a name.

  Invariant: nobody is told the secret of the cluster, on the command line of the process for example; whoever knows it
  can do anything on every node.
  """

  alias GameBox.Settings

  @doc "Starts the distribution, unless there is none to start."
  @spec start() :: :ok
  def start do
    if name = Settings.name() do
      Application.put_env(:kernel, :inet_dist_use_interface, Settings.dist_ip())

      case Node.start(name, :longnames) do
        {:ok, _} -> Node.set_cookie(secret())
        {:error, reason} -> raise "#{name} cannot be started, is epmd running? #{inspect(reason)}"
      end
    end

    :ok
  end

  defp secret do
    file =
      Settings.cookie() ||
        raise "a node with a name needs the secret of its cluster: set GAME_BOX_COOKIE to its file"

    file |> File.read!() |> String.trim() |> String.to_atom()
  end
end
