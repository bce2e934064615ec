def write_odd_videos(folder, count, seed):
    raise NotImplementedError
